import type { Worker } from 'node:worker_threads';

import type { LaneTask } from '@mongo-offload/worker/protocol';
import { Piscina } from 'piscina';

import { loadingContext, timers } from '../../event-loop';
import { type CallCounts, Lane, isForbidden, type StartRecord } from '../lane';
import type { ResolvedOffloadOptions } from '../../options';
import { OUR_WORKER } from './our-worker';
import { RestartDelay } from './restart-delay';
import { workerEntry } from './worker-entry';
import { flagsWithoutFolder, plugAndPlayFlags, workerFlags } from './worker-flags';

/** What every worker of a pool is started with. */
export type WorkerSettings = Pick<
  ResolvedOffloadOptions,
  'busyPoll' | 'chunkBytes' | 'resourceLimits'
>;

/**
 * One place in the pool: a worker thread and the lane to it. A worker that dies is replaced at once;
 * one that could not even start is tried again when it is needed, and ever more seldom.
 *
 * Each place has a Piscina of its own. A Piscina of several threads that loses one while it starts
 * never starts another, and leaves its tasks waiting for ever; of this one there is nothing else to
 * lose, and it is put away.
 */
export class WorkerSlot {
  readonly index: number;
  readonly counts: CallCounts = { done: 0, failed: 0 };
  readonly #settings: WorkerSettings;
  readonly #record: StartRecord;
  readonly #delay = new RestartDelay();
  #piscina: Piscina | undefined;
  #lane: Lane | undefined;
  #starting: NodeJS.Timeout | undefined;
  #ended = false;
  #starts = 0;
  /** Threads, and Piscinas on their way out: what there is to wait for at the end. */
  readonly #leaving = new Set<Promise<void>>();

  /** @param starts - counts the starts of all the pool's threads */
  constructor(index: number, settings: WorkerSettings, starts: StartRecord) {
    this.index = index;
    this.#settings = settings;
    this.#record = starts;
  }

  /** The lane there is, usable or not; undefined where none was needed yet. */
  get current(): Lane | undefined {
    return this.#lane;
  }

  /** The number of threads started so far. */
  get starts(): number {
    return this.#starts;
  }

  get threads(): Worker[] {
    return this.#piscina?.threads ?? [];
  }

  /**
   * Returns a usable lane; its worker may still have to start. Thread, port and timers serve every caller, so they must
   * not belong to the first caller's async context.
   */
  lane(): Lane {
    if (this.#lane?.usable !== true) this.#lane = loadingContext.run(() => this.#open());
    return this.#lane;
  }

  async end(): Promise<void> {
    this.#ended = true;
    timers.clearTimeout(this.#starting);
    this.#lane?.end();
    this.#putAway(this.#piscina);
    await Promise.all(this.#leaving);
  }

  #open(): Lane {
    const { lane, port, progress } = Lane.open(this.index, this.counts, this.#record);
    const { busyPoll, chunkBytes } = this.#settings;
    const start = (): void => this.#start(lane, { port, chunkBytes, busyPoll, progress });
    const delayMS = this.#delay.next();
    lane.onLost(() => this.#lost(lane));
    // Calls that wait for the worker keep the process alive, their wait does not.
    if (delayMS > 0) this.#starting = timers.setTimeout(start, delayMS).unref();
    else start();
    return lane;
  }

  #start(lane: Lane, task: LaneTask): void {
    const filename = workerEntry();
    const piscina = (this.#piscina = new Piscina({
      filename,
      name: 'openLane',
      // It is for this place to replace a thread that dies: with minThreads, Piscina would as well.
      minThreads: 0,
      maxThreads: 1,
      // Workers live in their sockets' callbacks: nothing may wait on an Atomics there.
      atomics: 'disabled',
      concurrentTasksPerWorker: 1,
      idleTimeout: Infinity,
      recordTiming: false,
      execArgv: [
        ...workerFlags(process.execArgv),
        ...plugAndPlayFlags(),
        ...flagsWithoutFolder(filename),
      ],
      workerData: OUR_WORKER,
      resourceLimits: this.#settings.resourceLimits,
    }));
    // Jest's --detectOpenHandles would report its async resource until it is collected. It is in nobody's way.
    piscina.emitDestroy();
    this.#delay.started();
    this.#starts += 1;
    piscina.on('error', (error: Error) => lane.lose(error));
    // A thread that is ended from outside makes no error, and one that dies before it has taken its
    // port does not close it either.
    piscina.on('workerDestroy', () => lane.lose());
    let running: Promise<unknown>;
    try {
      running = piscina.run(task, { transferList: [task.port] });
    } catch (error) {
      // The system has no more threads, or Node may not start one. The task stays in the Piscina's queue. Destroying
      // the Piscina would reject the task's promise, which nobody handles; no part of the Piscina runs.
      this.#piscina = undefined;
      lane.lose(error as Error);
      return;
    }
    running.catch((error: unknown) => lane.lose(error as Error));
    lane.onLost(() => this.#putAway(piscina));
    for (const thread of piscina.threads) {
      const exited = new Promise<void>((resolve) => {
        thread.once('exit', (code) => {
          lane.lose(new Error(`the thread exited with code ${code}`));
          resolve();
        });
      });
      // Piscina forgets a thread that had an error before it has ended.
      this.#leave(exited);
    }
  }

  #lost(lane: Lane): void {
    // The main thread ended the thread of a lane that it left. The next call starts another.
    if (this.#ended || lane.isLeft) return;
    // A start that Node forbids fails at no cost, so no delay is needed.
    if (!isForbidden(lane.lossReason)) this.#delay.died(lane.started);
    if (lane === this.#lane && lane.started) this.#lane = this.#open();
  }

  #putAway(piscina: Piscina | undefined): void {
    if (piscina === undefined) return;
    if (piscina === this.#piscina) this.#piscina = undefined;
    this.#leave(piscina.destroy());
  }

  #leave(gone: Promise<void>): void {
    const left = (): void => void this.#leaving.delete(leaving);
    const leaving = gone.then(left, left);
    this.#leaving.add(leaving);
  }
}
