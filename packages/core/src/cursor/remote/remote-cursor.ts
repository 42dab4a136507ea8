import {
  type CloseOptions,
  type NextOptions,
  type OpenedCursor,
} from '@mongo-offload/worker/protocol';
import { MongoClientClosedError } from 'mongodb';

import { untilAborted } from '../../abort';
import type { Decoding } from '../../calls';
import { revived, WorkerLostError } from '../../errors';
import { forgetOperation, isHeard } from '../../events';
import {
  completeCursor,
  cursorContext,
  type TracedCursor,
  operationChannel,
  traced,
  type OperationContext,
} from '../../tracing';
import { type Lane, WholeResult } from '../../pool';
import type { SessionLink } from '../../client';
import { holding, type OpenTransaction } from '../../transaction';
import { Batch } from './batch';
import { CursorPort, NO_ANSWER, type Answer } from './cursor-port';
import { interrupted } from './cut-off';

const ADVICE = 'The documents that it returned are right, but there are more: run the query again.';

/** How a cursor was opened. */
interface Opening {
  lane: Lane;
  /** The call that opened it. Events of its later commands belong to that call. */
  call: number;
  decoding: Decoding;
  /** Largest number of outstanding requests for batches, including the one that the consumer waits for. */
  credit: number;
  /** The session that the application gave to the cursor. */
  session: SessionLink | undefined;
  /** The transaction that it is part of. */
  transaction: OpenTransaction | undefined;
  /** What the operation channel reports about it. */
  reported: TracedCursor;
}

/**
 * A cursor that lives in a worker. Its outstanding calls of `next` are the worker's credit: the worker reads ahead that
 * far and no further.
 */
export class RemoteCursor {
  readonly first: Batch;
  /** Whether the application keeps all that is left. Then the server's replies may be larger. */
  whole = false;
  readonly #lane: Lane;
  /** Decodes what arrives on this cursor's port. */
  readonly #decoder: Lane['decoder'];
  readonly #call: number;
  readonly #decoding: Decoding;
  readonly #credit: number;
  readonly #session: SessionLink | undefined;
  readonly #transaction: OpenTransaction | undefined;
  readonly #reported: TracedCursor;
  #batches = 1;
  readonly #port: CursorPort | undefined;
  readonly #outstanding: Promise<Answer | typeof NO_ANSWER>[] = [];
  /** Buffers of batches that were read. The worker fills them again. */
  #empty: ArrayBuffer[] = [];
  #current: Batch;
  #unwatch: (() => void) | undefined;
  #finished: boolean;
  #isWhole: boolean;
  /** Whether all parts of the server's last batch have arrived, so that the next one takes a command. */
  #endOfBatch: boolean;
  #closing: Promise<void> | undefined;
  #clientCloses = false;

  constructor(opened: OpenedCursor | WholeResult, opening: Opening) {
    const { batch, port }: OpenedCursor = opened;
    const { lane, call, decoding, credit, session, transaction, reported } = opening;
    this.#lane = lane;
    this.#decoder = opened instanceof WholeResult ? lane.decoder : lane.decoder.forChannel();
    this.#call = call;
    this.#decoding = decoding;
    this.#credit = credit;
    this.#session = session;
    this.#transaction = transaction;
    this.#reported = reported;
    this.#endOfBatch = batch.endOfBatch;
    const reader =
      opened instanceof WholeResult ? opened.reader : this.#decoder.open(batch.chunk, decoding);
    this.first = new Batch(batch, reader);
    this.#current = this.first;
    this.#finished = this.#isWhole = this.first.last;
    if (port === undefined) {
      forgetOperation(call);
      return;
    }
    lane.openCursors += 1;
    const cursorPort = (this.#port = new CursorPort(port));
    // A port from a worker that was already gone may never emit 'close'.
    this.#unwatch = lane.onLost(() => cursorPort.end());
  }

  /** Whether nothing more comes, because the worker has closed its cursor. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Whether all batches of the result have arrived. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /**
   * Resolves with the next batch. From the first call on, the worker reads ahead.
   *
   * @throws TransactionEndedError if its transaction is over; the signal's reason
   */
  next(options: NextOptions, signal?: AbortSignal): Promise<Batch> {
    if (!operationChannel.hasSubscribers) return this.#queuedNext(options, signal);
    const context = this.#context('cursor.getMore');
    return traced(context, () => this.#queuedNext(options, signal), completeCursor);
  }

  /** Fetches the next batch, in the transaction queue if it takes a command of a transaction. */
  #queuedNext(options: NextOptions, signal: AbortSignal | undefined): Promise<Batch> {
    if (this.#transaction === undefined || !this.#endOfBatch) {
      return untilAborted(this.#next(options), signal, () => this.#closeIfHeard());
    }
    const queued = { what: 'cursor.getMore', signal, quiet: true };
    return this.#transaction.enqueue(queued, async (hold) => {
      return await untilAborted(
        holding(hold, () => this.#next(options)),
        signal,
      );
    });
  }

  /** Resolves when the events that report the abort have arrived. */
  #closeIfHeard(): Promise<unknown> | undefined {
    return isHeard(this.#call) ? this.close(true) : undefined;
  }

  async #next(given: NextOptions): Promise<Batch> {
    const port = this.#port;
    if (port === undefined) throw new RangeError('the cursor has no more batches');
    const empty = this.#current.takeBuffer();
    if (empty !== undefined) this.#empty.push(empty);
    const options: NextOptions = this.whole ? { ...given, whole: true } : given;
    const outstanding = this.#outstanding;
    while (outstanding.length < this.#credit) {
      const buffers = this.#empty;
      this.#empty = [];
      outstanding.push(port.next(buffers.length === 0 ? options : { ...options, buffers }));
    }
    const answered = outstanding.shift() as Promise<Answer | typeof NO_ANSWER>;
    port.keepAlive(true);
    const answer = await answered;
    port.keepAlive(false);
    if (answer === NO_ANSWER) throw this.#loss();
    const delivered = this.#lane.eventBarrier.reached(answer.mark);
    if (delivered !== undefined) await delivered;
    if ('error' in answer) {
      this.#finish();
      // `close` overtook this read, so its own error in the worker does not matter.
      throw this.#isEnding ? this.#loss() : revived(answer.error);
    }
    if ('thrown' in answer) {
      this.#finish();
      throw answer.thrown;
    }
    if (!answer.more) {
      this.#isWhole = !this.#isEnding;
      this.#finish();
    }
    this.#endOfBatch = answer.endOfBatch;
    if (answer.session !== undefined) this.#lane.sessions.follow(answer.session);
    this.#batches += 1;
    return (this.#current = new Batch(answer, this.#decoder.open(answer.chunk, this.#decoding)));
  }

  /** Notes that the client is being closed: reads that this ends reject with the driver's error for it. */
  noteClientCloses(): void {
    this.#clientCloses = true;
  }

  /**
   * Closes the cursor in the worker and on the server. A second call has no effect.
   *
   * @param now - whether the worker is not to wait for a batch that it is fetching, because the read was aborted
   */
  close(now = false): Promise<void> {
    return (this.#closing ??= this.#close(now));
  }

  async #close(now: boolean): Promise<void> {
    if (this.#finished) return;
    if (!operationChannel.hasSubscribers) return await this.#queuedClose(now);
    await traced(this.#context('cursor.close'), () => this.#queuedClose(now));
  }

  async #queuedClose(now: boolean): Promise<void> {
    const transaction = this.#transaction;
    if (transaction === undefined) return await this.#closeThere({ now });
    const options = { what: 'cursor.close', quiet: true };
    try {
      await transaction.enqueue(options, () => this.#closeThere({}));
    } catch {
      // The transaction is over, but the server still keeps the cursor.
      await this.#closeThere({ apart: true });
    }
  }

  async #closeThere(options: CloseOptions): Promise<void> {
    const port = this.#port;
    if (this.#finished || port === undefined) return;
    port.keepAlive(true);
    try {
      const mark = await port.close(options);
      await this.#lane.eventBarrier.reached(mark);
    } finally {
      this.#finish();
    }
  }

  #context(operation: string): OperationContext {
    const transaction = this.#transaction !== undefined;
    return cursorContext(operation, this.#reported, {
      worker: this.#lane.index,
      transaction,
      batch: operation === 'cursor.getMore' ? this.#batches + 1 : undefined,
    });
  }

  /** Whether the main thread is closing it. */
  get #isEnding(): boolean {
    return this.#closing !== undefined || this.#clientCloses;
  }

  /** Returns the error for a read that the worker did not answer. */
  #loss(): Error {
    if (this.#clientCloses) return new MongoClientClosedError();
    if (this.#closing !== undefined) return interrupted();
    // The label on this error makes `withTransaction` run its transaction again.
    if (this.#session?.inTransaction === true) return this.#session.lost();
    return new WorkerLostError('this cursor', {
      write: false,
      cause: this.#lane.lossReason,
      advice: ADVICE,
    });
  }

  #finish(): void {
    if (!this.#finished) this.#lane.openCursors -= 1;
    this.#finished = true;
    forgetOperation(this.#call);
    this.#unwatch?.();
    this.#port?.end();
  }
}
