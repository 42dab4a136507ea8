import type { MongoClient } from 'mongodb';

import type { ClientLink } from './client-link';

/** What a client of ours has in addition to the driver's: its link to the workers, or the reason not to use it. */
export interface ClientState {
  readonly link: ClientLink;
  /** Why the whole client runs on the main thread; undefined if it does not. */
  readonly onMain: string | undefined;
  /** Throws if the client is closed, and starts the monitoring. Call it before each operation. */
  prepare(): void;
}

const states = new WeakMap<MongoClient, ClientState>();

export function setState(client: MongoClient, state: ClientState): void {
  states.set(client, state);
}

/** Returns the state of a client of ours; undefined for any other. */
export function stateOf(client: MongoClient): ClientState | undefined {
  return states.get(client);
}

/** Returns the state of a client of ours that uses workers; undefined for any other. */
export function offloadedState(client: MongoClient): ClientState | undefined {
  const state = states.get(client);
  return state === undefined || state.onMain !== undefined ? undefined : state;
}
