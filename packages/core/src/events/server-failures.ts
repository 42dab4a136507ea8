import { processTimeMS, reviveError, type ServerFailure } from '@mongo-offload/worker/protocol';
import type { MongoClient } from 'mongodb';

import type { ClientInternals, Server } from '../driver/internals';

/** What one client's topology on the main thread is to make of errors that operations met in workers. */
interface Failures {
  /** When the topology cleared its pool of a server last: what was sent before that is part of the same outage. */
  readonly cleared: Map<string, number>;
  /** Met before the monitoring here had found the server. */
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
 * Lets the topology on the main thread follow one of a worker's: the driver's own method marks the server Unknown, emits the
 * events and stops a check that is under way. A check is requested as well, since no operation waits here that would.
 *
 * Each worker has connections of its own, and so one outage is reported more than once. The driver tells such errors by the
 * generation of the connection; here the time decides, since the pools' generations have nothing to do with each other.
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
  // It counts the clearings of the worker's pool.
  Reflect.deleteProperty(error, 'connectionGeneration');
  server.handleError(error);
  if (server.description.error === error) server.requestCheck();
}

/** To be called when the topology on the main thread has cleared its pool of a server. */
export function noteCleared(client: MongoClient, address: string): void {
  failuresOf(client).cleared.set(address, processTimeMS());
}

/** To be called when the topology on the main thread has changed its description. */
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

/** To be called when a topology on the main thread opens or has closed: each begins without a past. */
export function forgetFailures(client: MongoClient): void {
  failures.delete(client);
}

function topologyOf(client: MongoClient): ClientInternals['topology'] {
  return (client as unknown as ClientInternals).topology;
}

function serverAt(client: MongoClient, address: string): Server | undefined {
  return topologyOf(client)?.s.servers.get(address);
}

/** Whether the monitoring has had no answer of the server yet, and no error. */
function isUndiscovered({ description }: Server): boolean {
  return description.type === 'Unknown' && description.error === null;
}
