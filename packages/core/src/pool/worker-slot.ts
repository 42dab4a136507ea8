import type { Worker } from 'node:worker_threads';

import type { LaneTask } from '@mongo-offload/worker/protocol';
import { Piscina } from 'piscina';

import { Lane } from './lane';
import { OUR_WORKER } from './our-worker';
import { workerEntry } from './worker-entry';
import { workerFlags } from './worker-flags';

/**
 * One place in the pool: a worker thread and the lane to it. When the worker dies, the next call
 * opens a lane to another.
 *
 * Each place has a Piscina of its own. A Piscina of several threads that loses one while it starts
 * never starts another, and leaves its tasks waiting for ever; of this one there is nothing else to
 * lose, and it is put away.
 */
export class WorkerSlot {
  readonly #index: number;
  readonly #chunkBytes: number;
  #piscina: Piscina | undefined;
  #lane: Lane | undefined;
  /** Piscinas whose thread died, on their way out. */
  readonly #leaving = new Set<Promise<void>>();

  constructor(index: number, chunkBytes: number) {
    this.#index = index;
    this.#chunkBytes = chunkBytes;
  }

  /** The lane there is, usable or not; undefined where none was needed yet. */
  get current(): Lane | undefined {
    return this.#lane;
  }

  get threads(): Worker[] {
    return this.#piscina?.threads ?? [];
  }

  /** A lane that can be used. */
  lane(): Lane {
    if (this.#lane?.usable !== true) this.#lane = this.#open();
    return this.#lane;
  }

  async end(): Promise<void> {
    this.#lane?.end();
    this.#putAway(this.#piscina);
    this.#piscina = undefined;
    await Promise.all(this.#leaving);
  }

  #open(): Lane {
    this.#putAway(this.#piscina);
    const piscina = (this.#piscina = new Piscina({
      filename: workerEntry(),
      name: 'openLane',
      minThreads: 1,
      maxThreads: 1,
      // Workers live in their sockets' callbacks: nothing may wait on an Atomics there.
      atomics: 'disabled',
      concurrentTasksPerWorker: 1,
      idleTimeout: Infinity,
      recordTiming: false,
      execArgv: workerFlags(process.execArgv),
      workerData: OUR_WORKER,
    }));
    const { lane, workerPort } = Lane.open(this.#index);
    piscina.on('error', (error: Error) => lane.lose(error));
    // A thread that is ended from outside makes no error, and one that dies before it has taken its
    // port does not close it either.
    piscina.on('workerDestroy', () => lane.lose());
    const task: LaneTask = { port: workerPort, chunkBytes: this.#chunkBytes };
    piscina
      .run(task, { transferList: [workerPort] })
      .catch((error: unknown) => lane.lose(error as Error));
    return lane;
  }

  #putAway(piscina: Piscina | undefined): void {
    if (piscina === undefined) return;
    const leaving = piscina.destroy().finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
  }
}
