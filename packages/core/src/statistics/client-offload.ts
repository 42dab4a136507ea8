import type { MongoClient } from 'mongodb';

import { offloadedState } from '../client';
import { WorkerPool } from '../pool';
import { mainWatch, type MainStats } from './main-watch';
import { workerStats, type WorkerStats } from './worker-stats';

/** The operations of one client, including commits and aborts. Further reads from an open cursor do not count. */
export interface ClientStats {
  /** Operations sent and not yet ended: at most `offload.maxInFlight`, plus those in transactions. */
  inFlight: number;
  /** Operations that wait on the main thread for others to end: at most `offload.maxQueued`. */
  queued: number;
}

/** The state of the process's worker threads and of its main thread, as plain values. */
export interface OffloadStats {
  /** This client's own operations; null if the client runs on the main thread. */
  client: ClientStats | null;
  /** The workers of the pool, which serves all clients of the process; empty if no pool is running. */
  workers: WorkerStats[];
  /** Null if the main thread is not measured: see `StatsOptions.watch`. */
  main: MainStats | null;
}

export interface StatsOptions {
  /**
   * `true` measures the main thread from now on, until the client closes or a call passes `false`. Measuring costs a
   * timer, and two reads of a clock for each document that a loop takes. Default: no change.
   */
  watch?: boolean;
  /** `true` resets `longestSliceMS` and `longestStallMS` after this result. Default false. */
  restart?: boolean;
}

/** Statistics on the worker threads and the main thread: `client.offload`. */
export class ClientOffload {
  readonly #client: MongoClient;

  constructor(client: MongoClient) {
    this.#client = client;
  }

  /**
   * Resolves with the state of the worker threads and the client. Counting is always on and costs almost nothing. The
   * main thread is measured from the first call with `watch: true` on.
   *
   * Never rejects, and waits at most half a second for a worker.
   *
   * @example
   * ```ts
   * await client.offload.stats({ watch: true });
   * setInterval(async () => {
   *   console.log(JSON.stringify(await client.offload.stats({ restart: true })));
   * }, 60_000).unref();
   * ```
   */
  async stats({ watch, restart }: StatsOptions = {}): Promise<OffloadStats> {
    if (watch === true) mainWatch.start(this);
    const main = mainWatch.read();
    if (restart === true) mainWatch.restartLongest();
    if (watch === false) mainWatch.stop(this);
    const client = offloadedState(this.#client)?.link.underWay ?? null;
    return { client, workers: await workerStats(WorkerPool.running), main };
  }
}

const offloads = new WeakMap<MongoClient, ClientOffload>();

/**
 * Returns the `offload` of a client. It is not kept in a field of the client, because libraries also read the getter on
 * the prototype.
 */
export function offloadOf(client: MongoClient): ClientOffload {
  let known = offloads.get(client);
  if (known === undefined) offloads.set(client, (known = new ClientOffload(client)));
  return known;
}

/** Stops the measuring that a client started. Call it when the client closes. */
export function endWatching(client: MongoClient): void {
  const known = offloads.get(client);
  if (known !== undefined) mainWatch.stop(known);
}
