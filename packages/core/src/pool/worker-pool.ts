import type { Worker } from 'node:worker_threads';

import { noLongerThan } from '../abort/no-longer-than';
import { timers } from '../timers';
import type { Lane } from './lane';
import type { ResolvedOffloadOptions } from './offload-options';
import { StartRecord } from './start-record';
import { WorkerSlot } from './worker-slot';

/** How long ending the threads may hold up the close of the last client. It takes some milliseconds. */
const ENDING_MS = 3_000;

/** A pool that no client uses, whose threads are kept for the next one. */
interface Kept {
  readonly pool: WorkerPool;
  readonly timer: NodeJS.Timeout;
}

/**
 * The one pool of worker threads of this process, for all its clients. It starts with the first
 * operation of the first client and ends some seconds after the last client that closes. Its threads start as
 * they are needed: see LaneChoice.
 */
export class WorkerPool {
  static #current: WorkerPool | undefined;
  static #kept: Kept | undefined;
  static readonly #users = new Set<object>();

  readonly slots: readonly WorkerSlot[];
  /** What its threads were made with. */
  readonly #settings: string;

  private constructor({ workers, ...settings }: ResolvedOffloadOptions) {
    const starts = new StartRecord();
    const slot = (_: unknown, index: number): WorkerSlot => new WorkerSlot(index, settings, starts);
    this.slots = Array.from({ length: workers }, slot);
    this.#settings = settingsOf({ workers, ...settings });
  }

  /** The pool, started if it is not there. `user` keeps it until it releases it. */
  static acquire(user: object, options: ResolvedOffloadOptions): WorkerPool {
    WorkerPool.#users.add(user);
    return (WorkerPool.#current ??= WorkerPool.#takeKept(options) ?? new WorkerPool(options));
  }

  /**
   * The last user's release ends the pool, or keeps its threads for a while. Resolves when its threads are gone, cannot
   * be ended yet, or are kept.
   */
  static async release(user: object, keepMS: number): Promise<void> {
    if (!WorkerPool.#users.delete(user) || WorkerPool.#users.size > 0) return;
    const pool = WorkerPool.#current;
    WorkerPool.#current = undefined;
    if (pool === undefined) return;
    if (keepMS === 0 || !pool.#isIdle) return await pool.#end();
    const timer = timers.setTimeout(() => {
      WorkerPool.#kept = undefined;
      void pool.#end();
    }, keepMS);
    // Neither this nor an idle thread keeps the process alive: it ends them as it exits.
    timer.unref();
    WorkerPool.#kept = { pool, timer };
  }

  /** The threads that were kept, if they are those that are wanted; others end. */
  static #takeKept(options: ResolvedOffloadOptions): WorkerPool | undefined {
    const kept = WorkerPool.#kept;
    if (kept === undefined) return undefined;
    WorkerPool.#kept = undefined;
    timers.clearTimeout(kept.timer);
    if (kept.pool.#settings === settingsOf(options)) return kept.pool;
    void kept.pool.#end();
    return undefined;
  }

  get #isIdle(): boolean {
    return this.openLanes().every(({ load, openCursors }) => load === 0 && openCursors === 0);
  }

  async #end(): Promise<void> {
    const ended = Promise.all(this.slots.map(async (slot) => await slot.end()));
    // A thread that waits in the operating system (as for a child process) ends when that returns.
    await noLongerThan(ENDING_MS, ended);
  }

  /** The pool that is running, for whoever watches it. */
  static get running(): WorkerPool | undefined {
    return WorkerPool.#current;
  }

  get size(): number {
    return this.slots.length;
  }

  /** The threads of the pool, as Piscina has them. */
  get threads(): Worker[] {
    return this.slots.flatMap((slot) => slot.threads);
  }

  /** The lanes that are in use now. */
  openLanes(): Lane[] {
    return this.slots.flatMap(({ current }) => (current?.usable === true ? [current] : []));
  }
}

/** What the first client decides for the threads. */
function settingsOf({
  workers,
  busyPoll,
  chunkBytes,
  resourceLimits,
}: ResolvedOffloadOptions): string {
  return JSON.stringify([workers, busyPoll, chunkBytes, resourceLimits]);
}
