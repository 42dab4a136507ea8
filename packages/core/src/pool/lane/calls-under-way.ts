import type { MessagePort } from 'node:worker_threads';

import type { LaneProgress } from '@mongo-offload/worker/protocol';

import type { Decoding } from '../../calls';
import { forgetOperation } from '../../events';
import { Failure } from './failure';
import { PendingCalls } from './pending-calls';

/** What became of the operations that were sent to a worker, over all its lanes. */
export interface CallCounts {
  done: number;
  failed: number;
}

/** A call that waits for its answer. */
export interface PendingCall {
  /** The client that made the call. */
  readonly client: number;
  readonly decoding: Decoding | undefined;
  /** Someone listens to its events. */
  readonly heard: boolean;
  /** An operation of the program's, and no question of ours. */
  readonly counted: boolean;
  settle(result: unknown): void;
}

/** What a worker has not answered yet. While there is anything, its port keeps the process alive. */
export class CallsUnderWay {
  readonly #port: MessagePort;
  readonly #progress: LaneProgress;
  readonly #counts: CallCounts;
  readonly #pending = new PendingCalls<PendingCall>();

  constructor(port: MessagePort, progress: LaneProgress, counts: CallCounts) {
    this.#port = port;
    this.#progress = progress;
    this.#counts = counts;
  }

  get size(): number {
    return this.#pending.size;
  }

  has(id: number): boolean {
    return this.#pending.has(id);
  }

  add(
    client: number,
    decoding: Decoding | undefined,
    heard: boolean,
    counted: boolean,
  ): { id: number; result: Promise<unknown> } {
    if (this.#pending.size === 0) this.#port.ref();
    let settle!: PendingCall['settle'];
    const result = new Promise((resolve) => (settle = resolve));
    return { id: this.#pending.add({ client, decoding, heard, counted, settle }), result };
  }

  /** An answer has come: its call, which is under way no more; undefined where nobody waits for it. */
  take(id: number): PendingCall | undefined {
    return this.#pending.take(id);
  }

  settle(call: PendingCall, result: unknown, failed: boolean): void {
    if (call.counted) {
      if (failed) this.#counts.failed += 1;
      else this.#counts.done += 1;
    }
    call.settle(result);
  }

  /** All answers that came together are settled. */
  settled(): void {
    if (this.#pending.size === 0) this.#port.unref();
  }

  /**
   * Fails the calls that are not answered, in their order: the worker is gone, or nobody waits for it any longer.
   *
   * @param client - whose calls fail; default: all
   */
  lose(cause: Error | undefined, client?: number): void {
    for (const id of this.#pending.numbers()) {
      const call = this.#pending.get(id);
      if (call === undefined || (client !== undefined && call.client !== client)) continue;
      this.#pending.take(id);
      if (call.heard) forgetOperation(id);
      this.settle(call, new Failure(undefined, cause, this.#progress.hasTaken(id)), true);
    }
    this.settled();
  }

  /** Operations that are not answered, and how many of them the worker has not taken. */
  count(): { inFlight: number; queued: number } {
    let inFlight = 0;
    let queued = 0;
    this.#pending.forEach((id, { counted }) => {
      if (!counted) return;
      inFlight += 1;
      if (!this.#progress.hasTaken(id)) queued += 1;
    });
    return { inFlight, queued };
  }
}
