import type { Worker } from 'node:worker_threads';

import { noLongerThan } from '../../abort';
import { timers } from '../../event-loop';
import { type Lane, StartRecord } from '../lane';
import type { ResolvedOffloadOptions } from '../../options';
import { WorkerSlot } from './worker-slot';

/** Longest time that ending the threads may delay the last client's close. It usually takes a few milliseconds. */
const THREAD_END_MS = 3_000;

/** A pool without clients, whose threads are kept for the next client. */
interface Kept {
  readonly pool: WorkerPool;
  readonly timer: NodeJS.Timeout;
}

/**
 * The one pool of worker threads of this process, for all its clients. It starts with the first client's first
 * operation and ends `keepThreadsMS` after the last client has closed. Its threads start as they are needed: see
 * LaneChoice.
 */
export class WorkerPool {
  static #current: WorkerPool | undefined;
  static #kept: Kept | undefined;
  static readonly #users = new Set<object>();

  readonly slots: readonly WorkerSlot[];
  /** The settings that its threads were made with. */
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
   * Releases the pool. The last user's release ends it, or keeps its threads for `keepMS`. Resolves when the threads
   * are gone, are kept, or take too long to end.
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
    // Neither the timer nor an idle thread keeps the process alive; its exit ends them.
    timer.unref();
    WorkerPool.#kept = { pool, timer };
  }

  /** Takes the kept threads if they have the settings that are wanted; otherwise ends them. */
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
    // A thread that is blocked in a system call (as on a child process) ends when that returns.
    await noLongerThan(THREAD_END_MS, ended);
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

/** The settings that the first client decides for the threads. */
function settingsOf({
  workers,
  busyPoll,
  chunkBytes,
  resourceLimits,
}: ResolvedOffloadOptions): string {
  return JSON.stringify([workers, busyPoll, chunkBytes, resourceLimits]);
}
