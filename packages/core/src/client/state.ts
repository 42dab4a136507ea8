import type { MongoClient } from 'mongodb';

import type { ClientLink } from './client-link';

/** What a client of ours is besides the driver's: its link to the workers, or why it has none. */
export interface ClientState {
  readonly link: ClientLink;
  /** Why the whole client runs on the main thread, where it does. */
  readonly onMain: string | undefined;
  /** To be called before each operation: throws for a closed client, starts the monitoring. */
  prepare(): void;
}

const states = new WeakMap<MongoClient, ClientState>();

export function setState(client: MongoClient, state: ClientState): void {
  states.set(client, state);
}

/** The state of a client that is ours; undefined for any other. */
export function stateOf(client: MongoClient): ClientState | undefined {
  return states.get(client);
}

/** The state of a client that is ours and not to run on main; undefined for any other. */
export function offloadedState(client: MongoClient): ClientState | undefined {
  const state = states.get(client);
  return state === undefined || state.onMain !== undefined ? undefined : state;
}
