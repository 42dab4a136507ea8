import type { MongoClient } from 'mongodb';

import { offloadedState } from '../client';
import { WorkerPool } from '../pool';
import { mainWatch, type MainStats } from './main-watch';
import { workerStats, type WorkerStats } from './worker-stats';

/** The operations of one client, commits and aborts included. Reading on from an open cursor does not count. */
export interface ClientStats {
  /** Sent, and not ended: at most `offload.maxInFlight` besides those of transactions. */
  inFlight: number;
  /** Waiting on the main thread until others have ended: at most `offload.maxQueued`. */
  queued: number;
}

/** What the process's worker threads and its main thread are at, as plain values. */
export interface OffloadStats {
  /** This client's own; null where it runs on the main thread. */
  client: ClientStats | null;
  /** The workers of the process's one pool, which serves all its clients; none where no pool runs. */
  workers: WorkerStats[];
  /** Null where nobody watches: see `StatsOptions.watch`. */
  main: MainStats | null;
}

export interface StatsOptions {
  /**
   * `true`: measures the main thread from now on, until the client closes or `false` is given. It costs
   * reading a clock twice for each document that a loop takes, and a timer. Default: as it is.
   */
  watch?: boolean;
  /** `true`: `longestSliceMS` and `longestStallMS` are, in later answers, the longest since this one. Default false. */
  restart?: boolean;
}

/** What there is of the offloading to be seen: `client.offload`. */
export class ClientOffload {
  readonly #client: MongoClient;

  constructor(client: MongoClient) {
    this.#client = client;
  }

  /**
   * What the worker threads are at. Counting costs nothing to speak of, and is always done; the main
   * thread's times are there from the first call with `watch: true` on.
   *
   * Never rejects, and waits for no worker longer than half a second.
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

const all = new WeakMap<MongoClient, ClientOffload>();

/** That of a client. Libraries read the getters of a prototype as well: it is no field of the client's. */
export function offloadOf(client: MongoClient): ClientOffload {
  let known = all.get(client);
  if (known === undefined) all.set(client, (known = new ClientOffload(client)));
  return known;
}

/** The client closes: it watches nothing any more. */
export function endWatching(client: MongoClient): void {
  const known = all.get(client);
  if (known !== undefined) mainWatch.stop(known);
}
