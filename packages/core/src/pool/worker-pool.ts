import { Piscina } from 'piscina';

import type { LaneTask } from '@mongo-offload/worker/protocol';

import { Lane } from './lane';
import type { ResolvedOffloadOptions } from './offload-options';
import { OUR_WORKER } from './our-worker';
import { workerEntry } from './worker-entry';
import { workerFlags } from './worker-flags';

/**
 * The one pool of worker threads of this process, for all its clients. It starts with the first
 * operation of the first client and ends with the last client that closes.
 */
export class WorkerPool {
  static #current: WorkerPool | undefined;
  static readonly #users = new Set<object>();

  readonly size: number;
  readonly #piscina: Piscina;
  readonly #lanes: Lane[] = [];
  readonly #chunkBytes: number;
  /** Threads that have their lane. */
  readonly #taken = new Set<number>();
  #lastError: Error | undefined;

  private constructor({ workers, chunkBytes }: ResolvedOffloadOptions) {
    this.size = workers;
    this.#chunkBytes = chunkBytes;
    this.#piscina = new Piscina({
      filename: workerEntry(),
      minThreads: workers,
      maxThreads: workers,
      // Workers live in their sockets' callbacks: nothing may wait on an Atomics there.
      atomics: 'disabled',
      // One lane to a worker: the task that opens a lane is all that Piscina schedules.
      concurrentTasksPerWorker: 1,
      idleTimeout: Infinity,
      recordTiming: false,
      execArgv: workerFlags(process.execArgv),
      workerData: OUR_WORKER,
      loadBalancer: (_task, candidates) =>
        candidates.find(({ id }) => !this.#taken.has(id) && this.#taken.add(id)) ?? null,
    });
    this.#piscina.on('error', (error: Error) => {
      this.#lastError = error;
      for (const lane of this.#lanes) lane.cause ??= error;
    });
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
    if (pool !== undefined) await pool.#end();
  }

  /** The lanes there are, and as many new ones as `count` asks for; a dead worker's is replaced. */
  lanes(count: number): Lane[] {
    for (let i = 0; i < count; i++) {
      if (this.#lanes[i]?.usable !== true) this.#lanes[i] = this.#open(i);
    }
    return this.#lanes;
  }

  #open(index: number): Lane {
    const { lane, workerPort } = Lane.open(index, (lost) => {
      lost.cause ??= this.#lastError;
    });
    const task: LaneTask = { port: workerPort, chunkBytes: this.#chunkBytes };
    this.#piscina.run(task, { transferList: [workerPort] }).catch((error: Error) => {
      // The worker never came up: its port closes with it, and the lane is lost.
      lane.cause ??= error;
      workerPort.close();
    });
    return lane;
  }

  async #end(): Promise<void> {
    for (const lane of this.#lanes) lane.end();
    await this.#piscina.destroy();
  }
}
