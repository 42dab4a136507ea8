import type { MessagePort } from 'node:worker_threads';

import {
  reviveError,
  type CloseOptions,
  type CursorBatch,
  type CursorHandle,
  type ErrorEnvelope,
  type EventMark,
  type NextOptions,
  type OpenedCursor,
} from '@mongo-offload/worker/protocol';
import * as Comlink from 'comlink';
import { MongoClientClosedError, MongoServerError } from 'mongodb';

import { untilAborted } from '../abort/until-aborted';
import type { Decoding } from '../calls/options';
import { WorkerLostError } from '../errors';
import { forgetCause } from '../events';
import { completeCursor, cursorContext, type CursorTold } from '../observe/cursor-context';
import { operationChannel, traced, type OperationContext } from '../observe/operation-channel';
import type { Lane } from '../pool/lane';
import { WholeResult } from '../pool/whole-result';
import type { OpenTransaction } from '../transaction';
import { Batch } from './batch';

const ADVICE = 'What it has given is right, and there is more: begin the query anew.';

type Answer = (CursorBatch | { error: ErrorEnvelope }) & { mark?: EventMark };

/** How a cursor was opened. */
interface Opening {
  lane: Lane;
  /** The call that opened it, which is what events of its later commands belong to. */
  call: number;
  decoding: Decoding;
  /** Batches that may be asked for before they are wanted, the one that is wanted included. */
  credit: number;
  /** The transaction that it is part of. */
  transaction: OpenTransaction | undefined;
  /** What is told of it. */
  told: CursorTold;
}

/**
 * A cursor that lives in a worker. It holds as many calls of `next` outstanding as it has credit to
 * give; the worker reads ahead that far and no further.
 */
export class RemoteCursor {
  readonly first: Batch;
  /** All that is left is read, and kept: the server's replies may be larger. */
  whole = false;
  readonly #lane: Lane;
  readonly #call: number;
  readonly #decoding: Decoding;
  readonly #credit: number;
  readonly #transaction: OpenTransaction | undefined;
  readonly #told: CursorTold;
  #batches = 1;
  readonly #port: MessagePort | undefined;
  readonly #handle: Comlink.Remote<CursorHandle> | undefined;
  readonly #outstanding: Promise<Answer>[] = [];
  /** What waits for an answer of the worker, to be rejected where that is gone. */
  readonly #waiting = new Set<(reason: Error) => void>();
  #lost: Error | undefined;
  /** Buffers of batches that were read, for the worker to fill again. */
  #empty: ArrayBuffer[] = [];
  #current: Batch;
  #unwatch: (() => void) | undefined;
  #finished: boolean;
  /** Whether the next batch takes a command: all of the server's last one has come. */
  #endOfBatch: boolean;
  #closing: Promise<void> | undefined;
  #clientCloses = false;

  constructor(opened: OpenedCursor | WholeResult, opening: Opening) {
    const { batch, port }: OpenedCursor = opened;
    const { lane, call, decoding, credit, transaction, told } = opening;
    this.#lane = lane;
    this.#call = call;
    this.#decoding = decoding;
    this.#credit = credit;
    this.#transaction = transaction;
    this.#told = told;
    this.#endOfBatch = batch.endOfBatch;
    const reader =
      opened instanceof WholeResult ? opened.reader : lane.decoder.open(batch.chunk, decoding);
    this.first = new Batch(batch, reader);
    this.#current = this.first;
    this.#finished = this.first.last;
    if (port === undefined) {
      forgetCause(call);
      return;
    }
    this.#port = port;
    lane.openCursors += 1;
    const lose = (): void =>
      this.#lose(
        this.#closing === undefined
          ? new WorkerLostError('this cursor', {
              write: false,
              cause: lane.cause,
              advice: ADVICE,
            })
          : this.#interruption(),
      );
    port.once('close', lose);
    // A port that came from a worker that was already gone may never say that it is closed.
    this.#unwatch = lane.onLost(lose);
    this.#handle = Comlink.wrap<CursorHandle>(port);
    // Only a batch that someone waits for keeps the process alive.
    port.unref();
  }

  /** Whether nothing more is to come: the worker has closed its cursor. */
  get finished(): boolean {
    return this.#finished;
  }

  /**
   * The next batch. Once it is called, the worker reads ahead.
   *
   * @throws TransactionEndedError where its transaction is over; the signal's reason
   */
  next(options: NextOptions, signal?: AbortSignal): Promise<Batch> {
    if (!operationChannel.hasSubscribers) return this.#nextInTurn(options, signal);
    const context = this.#context('cursor.getMore');
    return traced(context, () => this.#nextInTurn(options, signal), completeCursor);
  }

  #nextInTurn(options: NextOptions, signal: AbortSignal | undefined): Promise<Batch> {
    if (this.#transaction === undefined || !this.#endOfBatch) {
      return untilAborted(this.#next(options), signal);
    }
    const turn = { what: 'cursor.getMore', signal, quiet: true };
    return this.#transaction.inTurn(turn, async (hold) => {
      const next = this.#next(options);
      hold(next);
      return await untilAborted(next, signal);
    });
  }

  async #next(given: NextOptions): Promise<Batch> {
    const handle = this.#handle;
    if (handle === undefined || this.#port === undefined) {
      throw new RangeError('the cursor has no more batches');
    }
    const empty = this.#current.takeBuffer();
    if (empty !== undefined) this.#empty.push(empty);
    const options: NextOptions = this.whole ? { ...given, whole: true } : given;
    const outstanding = this.#outstanding;
    while (outstanding.length < this.#credit) {
      const buffers = this.#empty;
      this.#empty = [];
      outstanding.push(
        handle.next(
          buffers.length === 0 ? options : Comlink.transfer({ ...options, buffers }, buffers),
        ),
      );
    }
    const answered = outstanding.shift() as Promise<Answer>;
    this.#port.ref();
    let answer: Answer;
    try {
      answer = await this.#orLost(answered);
    } finally {
      this.#port.unref();
    }
    const delivered = this.#lane.eventMarks.reached(answer.mark);
    if (delivered !== undefined) await delivered;
    if ('error' in answer) {
      this.#finish();
      throw this.#clientCloses ? this.#interruption() : reviveError(answer.error);
    }
    if (!answer.more) this.#finish();
    this.#endOfBatch = answer.endOfBatch;
    if (answer.session !== undefined) this.#lane.sessions.follow(answer.session);
    this.#batches += 1;
    return (this.#current = new Batch(
      answer,
      this.#lane.decoder.open(answer.chunk, this.#decoding),
    ));
  }

  /** Its client is being closed: a read that this cuts short rejects with the driver's error for it. */
  noteClientCloses(): void {
    this.#clientCloses = true;
  }

  /**
   * Closes the cursor in the worker and on the server. Harmless when it is closed already.
   *
   * @param now - it was given up: the worker waits for no batch that is being fetched
   */
  close(now = false): Promise<void> {
    return (this.#closing ??= this.#close(now));
  }

  async #close(now: boolean): Promise<void> {
    if (this.#finished || this.#handle === undefined) return;
    if (!operationChannel.hasSubscribers) return await this.#closeInTurn(now);
    await traced(this.#context('cursor.close'), () => this.#closeInTurn(now));
  }

  async #closeInTurn(now: boolean): Promise<void> {
    const transaction = this.#transaction;
    if (transaction === undefined) return await this.#closeThere({ now });
    const options = { what: 'cursor.close', quiet: true };
    try {
      await transaction.inTurn(options, () => this.#closeThere({}));
    } catch {
      // The transaction is over; the server keeps the cursor all the same.
      await this.#closeThere({ apart: true });
    }
  }

  async #closeThere(options: CloseOptions): Promise<void> {
    if (this.#finished || this.#handle === undefined) return;
    this.#port?.ref();
    try {
      const mark = await this.#orLost(this.#handle.close(options));
      await this.#lane.eventMarks.reached(mark);
    } catch {
      // The worker is gone, and its sockets with it: the server closes the cursor by itself.
    } finally {
      this.#finish();
    }
  }

  #context(operation: string): OperationContext {
    const transaction = this.#transaction !== undefined;
    return cursorContext(operation, this.#told, {
      worker: this.#lane.index,
      transaction,
      batch: operation === 'cursor.getMore' ? this.#batches + 1 : undefined,
    });
  }

  /**
   * The promise's outcome, or the loss of the worker. (Promise.race with one promise for the loss would keep every
   * answer until the cursor's end.)
   */
  async #orLost<T>(promise: Promise<T>): Promise<T> {
    if (this.#lost !== undefined) throw this.#lost;
    let reject!: (reason: Error) => void;
    try {
      return await new Promise<T>((resolve, no) => {
        reject = no;
        this.#waiting.add(no);
        promise.then(resolve, no);
      });
    } finally {
      this.#waiting.delete(reject);
    }
  }

  /** What a read comes to that `close` cuts short. */
  #interruption(): Error {
    return this.#clientCloses ? new MongoClientClosedError() : interrupted();
  }

  #lose(reason: Error): void {
    this.#lost ??= reason;
    for (const reject of this.#waiting) reject(reason);
  }

  #finish(): void {
    if (!this.#finished) this.#lane.openCursors -= 1;
    this.#finished = true;
    forgetCause(this.#call);
    this.#unwatch?.();
    this.#port?.close();
  }
}

/**
 * What a read comes to that `close` cut short: what the server says of it, in the worker, where nobody waits for that
 * any more. The driver's Node streams know it by its words, and end.
 */
export function interrupted(): MongoServerError {
  const errmsg = 'operation was interrupted: the cursor was closed';
  return new MongoServerError({ ok: 0, errmsg, code: 237, codeName: 'CursorKilled' });
}
