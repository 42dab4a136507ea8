import { processTimeMS, reviveError, type ServerFailure } from '@mongo-offload/worker/protocol';
import type { MongoClient } from 'mongodb';

import type { ClientInternals, Server } from '../driver';

/** What one client's topology on the main thread remembers to handle the errors that operations meet in workers. */
interface Failures {
  /**
   * When the topology last cleared its pool of each server. Failures of commands sent before that are part of the same
   * outage.
   */
  readonly cleared: Map<string, number>;
  /** Failures that arrived before the monitoring here had found the server. */
  readonly early: Map<string, ServerFailure>;
}

const failures = new WeakMap<MongoClient, Failures>();

function failuresOf(client: MongoClient): Failures {
  let known = failures.get(client);
  if (known === undefined) {
    failures.set(client, (known = { cleared: new Map(), early: new Map() }));
  }
  return known;
}

/**
 * Passes an error that a worker's topology met to the one on the main thread. The driver's own method marks the server
 * Unknown, emits the events and stops a check that is under way. This also requests a check, since no operation on the
 * main thread would.
 *
 * Each worker has its own connections, so one outage is reported several times. The driver recognises such errors by
 * the connection's generation. The pools' generations are unrelated, so here the time decides.
 */
export function followFailure(client: MongoClient, failure: ServerFailure): void {
  const { address, sentAt } = failure;
  const { cleared, early } = failuresOf(client);
  const server = serverAt(client, address);
  if (server === undefined || isUndiscovered(server)) {
    early.set(address, failure);
    return;
  }
  if (sentAt < (cleared.get(address) ?? 0)) return;
  const error = reviveError(failure.error);
  // It belongs to the worker's pool and means nothing here.
  Reflect.deleteProperty(error, 'connectionGeneration');
  server.handleError(error);
  if (server.description.error === error) server.requestCheck();
}

/** Call it when the topology on the main thread has cleared its pool of a server. */
export function noteCleared(client: MongoClient, address: string): void {
  failuresOf(client).cleared.set(address, processTimeMS());
}

/** Call it when the topology on the main thread has changed its description. */
export function followEarlyFailures(client: MongoClient): void {
  const early = failures.get(client)?.early;
  if (early === undefined || early.size === 0) return;
  const connected = topologyOf(client)?.isConnected() === true;
  for (const [address, failure] of early) {
    const server = serverAt(client, address);
    if (server === undefined ? !connected : isUndiscovered(server)) continue;
    early.delete(address);
    if (server !== undefined) followFailure(client, failure);
  }
}

/** Call it when a topology on the main thread opens or has closed, so that each starts with nothing remembered. */
export function forgetFailures(client: MongoClient): void {
  failures.delete(client);
}

function topologyOf(client: MongoClient): ClientInternals['topology'] {
  return (client as unknown as ClientInternals).topology;
}

function serverAt(client: MongoClient, address: string): Server | undefined {
  return topologyOf(client)?.s.servers.get(address);
}

/** Whether the monitoring has had neither an answer nor an error from the server. */
function isUndiscovered({ description }: Server): boolean {
  return description.type === 'Unknown' && description.error === null;
}
