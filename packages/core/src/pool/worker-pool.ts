import type { Worker } from 'node:worker_threads';

import type { Lane } from './lane';
import type { ResolvedOffloadOptions } from './offload-options';
import { StartRecord } from './start-record';
import { WorkerSlot } from './worker-slot';

/**
 * The one pool of worker threads of this process, for all its clients. It starts with the first
 * operation of the first client and ends with the last client that closes. Its threads start as
 * they are needed: see LaneChoice.
 */
export class WorkerPool {
  static #current: WorkerPool | undefined;
  static readonly #users = new Set<object>();

  readonly slots: readonly WorkerSlot[];

  private constructor({ workers, ...settings }: ResolvedOffloadOptions) {
    const starts = new StartRecord();
    const slot = (_: unknown, index: number): WorkerSlot => new WorkerSlot(index, settings, starts);
    this.slots = Array.from({ length: workers }, slot);
  }

  /** The pool, started if it is not there. `user` keeps it until it releases it. */
  static acquire(user: object, options: ResolvedOffloadOptions): WorkerPool {
    WorkerPool.#users.add(user);
    return (WorkerPool.#current ??= new WorkerPool(options));
  }

  /** The last user's release ends the pool; resolves when its threads are gone. */
  static async release(user: object): Promise<void> {
    if (!WorkerPool.#users.delete(user) || WorkerPool.#users.size > 0) return;
    const pool = WorkerPool.#current;
    WorkerPool.#current = undefined;
    if (pool !== undefined) await Promise.all(pool.slots.map(async (slot) => await slot.end()));
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
