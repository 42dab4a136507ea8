import { MessageChannel, type MessagePort } from 'node:worker_threads';

import * as Comlink from 'comlink';
import type { AbstractCursor, Document } from 'mongodb';

import { carrying, abortReason } from '../abort';
import type { EncodeMode, TapeEncoder } from '../codec';
import { cursorInternals } from '../driver';
import { keepCall } from '../events';
import { packError, type ErrorEnvelope } from '../errors';
import type {
  CloseOptions,
  CursorBatch,
  CursorHandle,
  EventMark,
  NextOptions,
  OpenedCursor,
} from '../protocol';
import { responseOf } from './change-stream';
import { kill, leaveSession } from './cursor-cleanup';
import { NO_DOCUMENTS, takeBuffered, type RawDocuments } from './raw-documents';
import { documentsToAskFor, type ReplySize } from './reply-size';
import { replyArrived } from './young-garbage';

/** How a cursor's batches are split into chunks and encoded. */
export interface BatchSettings {
  /** Target size of a chunk, in bytes of BSON. */
  chunkBytes: number;
  /** A tailable cursor is not read ahead: its batches arrive when there is data. */
  tailable: boolean;
  mode: EncodeMode;
  /** For cursors with large replies: whether the worker may set a batch size, because no one listens to commands. */
  mayBoundReplies: (() => boolean) | undefined;
  /** The present state of the cursor's session, if it has one. */
  session?: () => CursorBatch['session'];
  /** Whether a small result may travel whole: only its documents, without a cursor. */
  mayBeWhole: boolean;
  /** Aborts the opening. A cursor without a signal cannot be aborted later either. */
  signal: AbortSignal | undefined;
  /** Sends the waiting events. Returns the mark that the main thread must have reached. */
  mark: () => EventMark;
}

interface ServerBatch {
  documents: RawDocuments;
  /** The server's cursor id after this batch: low, high. Zero for the last batch. */
  id: [low: number, high: number];
}

/** The result of opening a cursor: its first batch, or all documents if they are few. */
export type Opening =
  { opened: OpenedCursor; transfer: (ArrayBuffer | MessagePort)[] } | { whole: RawDocuments };

/** A result up to this size travels whole: the main thread reads all results of one turn at once. */
const WHOLE_RESULT_BYTES = 32 * 1024;
/** Factor of the chunk size if the application keeps the whole result: each chunk wakes the main thread. */
const WHOLE_CHUNKS = 3;
/** Chunk size of lazily read documents: a chunk stays in memory until every field in it was read. */
const LAZY_CHUNK_BYTES = 256 * 1024;

const NOTHING: ServerBatch = { documents: NO_DOCUMENTS, id: [0, 0] };

/**
 * Reads one of the driver's cursors and encodes its documents, a bounded chunk at a time.
 *
 * Each outstanding call of `next` is one unit of credit: a chunk that the main thread has room for. With more than one,
 * the next batch is fetched from the server while this one is encoded. With none, nothing is read.
 */
export class BatchSource implements CursorHandle {
  readonly #cursor: AbstractCursor;
  readonly #encoder: TapeEncoder;
  readonly #chunkBytes: number;
  readonly #tailable: boolean;
  readonly #mode: EncodeMode;
  readonly #mayBoundReplies: BatchSettings['mayBoundReplies'];
  readonly #session: BatchSettings['session'];
  readonly #mayBeWhole: boolean;
  readonly #mark: () => EventMark;
  /** Runs later work of this cursor as part of the call that opened it. */
  readonly #asCall = keepCall();
  /** The key under which the encoder keeps what it has sent on this cursor's port. */
  readonly #channel = {};
  /** The current batch, with its cursor id: a fetch ahead changes that of the driver's cursor. */
  #batch = NOTHING;
  #at = 0;
  /** BSON bytes of a chunk of the current batch. */
  #chunkSize = 0;
  #fetching: Promise<ServerBatch> | undefined;
  #last: ReplySize = { length: 0, byteLength: 0 };
  /** The batch size that the application has set. */
  #batchSize: number | undefined;
  #whole = false;
  #previous: Promise<unknown> = Promise.resolve();
  #credit = 0;
  #closed = false;
  readonly #abort: AbortController | undefined;
  #port: MessagePort | undefined;

  constructor(cursor: AbstractCursor, encoder: TapeEncoder, settings: BatchSettings) {
    const { chunkBytes, tailable, mode, mayBoundReplies, mayBeWhole, session, signal, mark } =
      settings;
    this.#cursor = cursor;
    this.#batchSize = cursorInternals(cursor).cursorOptions.batchSize;
    this.#encoder = encoder;
    this.#chunkBytes = chunkBytes;
    this.#tailable = tailable;
    this.#mode = mode;
    this.#mayBoundReplies = mayBoundReplies;
    this.#session = session;
    this.#mayBeWhole = mayBeWhole && mode === 'tape' && !tailable;
    if (signal !== undefined) {
      const abort = (this.#abort = new AbortController());
      signal.addEventListener('abort', () => abort.abort(signal.reason), { once: true });
    }
    this.#mark = mark;
  }

  /** Runs the command that opens the cursor. Makes a port only if more may follow. */
  async open(): Promise<Opening> {
    const { db, collection } = this.#cursor.namespace;
    await this.#fill();
    const { documents } = this.#batch;
    if (
      this.#mayBeWhole &&
      this.#exhausted &&
      documents.byteLength <= WHOLE_RESULT_BYTES &&
      // The main thread knows the name that the cursor was made with.
      this.#cursor.namespace.db === db &&
      this.#cursor.namespace.collection === collection
    ) {
      return { whole: documents };
    }
    const batch = this.#cut();
    if (!batch.more) return { opened: { batch }, transfer: [batch.chunk.buffer] };
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    // The main thread closes its end when it needs no more, or exits with the port open.
    port1.on('close', () => void this.close({ apart: true }));
    Comlink.expose(this satisfies CursorHandle, port1);
    port1.start();
    return { opened: { batch, port: port2 }, transfer: [batch.chunk.buffer, port2] };
  }

  async next(
    options?: NextOptions,
  ): Promise<(CursorBatch | { error: ErrorEnvelope }) & { mark?: EventMark }> {
    this.#credit += 1;
    for (const buffer of options?.buffers ?? []) this.#encoder.recycle(buffer);
    const mine = this.#previous.then(() => this.#asCall(() => this.#next(options)));
    this.#previous = mine.catch(() => undefined);
    try {
      const batch = await mine;
      return Comlink.transfer({ ...batch, mark: this.#mark() }, [batch.chunk.buffer]);
    } catch (error) {
      return { error: packError(error, true), mark: this.#mark() };
    } finally {
      this.#credit -= 1;
    }
  }

  async close({ apart = false, now = false }: CloseOptions = {}): Promise<EventMark> {
    if (this.#closed) return undefined;
    this.#closed = true;
    if (now) this.#abort?.abort(abortReason());
    if (apart && this.#session !== undefined) leaveSession(this.#cursor);
    this.#batch = NOTHING;
    this.#at = 0;
    try {
      await this.#asCall(() => kill(this.#cursor));
      return this.#mark();
    } finally {
      setImmediate(() => this.#port?.close());
    }
  }

  async #next(options?: NextOptions): Promise<CursorBatch> {
    await this.#fill(options);
    return this.#cut();
  }

  /** Whether the current batch is the server's last. */
  get #exhausted(): boolean {
    const [low, high] = this.#batch.id;
    return low === 0 && high === 0;
  }

  /** Gets the next batch if the current one has been encoded. */
  async #fill(options?: NextOptions): Promise<void> {
    if (this.#at >= this.#batch.documents.length) {
      this.#batchSize = options?.batchSize ?? this.#batchSize;
      this.#whole = options?.whole === true;
      // The old reply must not stay in memory while the next one arrives.
      this.#batch = NOTHING;
      this.#at = 0;
      this.#batch = await (this.#fetching ?? this.#fetch());
      this.#fetching = undefined;
      this.#chunkSize = this.#evenly(this.#batch.documents.byteLength);
    }
  }

  /** Encodes the next chunk of the current batch. */
  #cut(): CursorBatch {
    const { documents, id } = this.#batch;
    const exhausted = this.#exhausted;
    if (!exhausted && this.#credit > 1 && !this.#tailable && !this.#closed) {
      this.#fetching ??= this.#fetch();
      // The next `#fill` throws the error of a fetch ahead.
      this.#fetching.catch(() => undefined);
    }
    const encoder = this.#encoder;
    while (this.#at < documents.length && encoder.byteLength < this.#chunkSize) {
      documents.write(this.#at++, encoder, this.#mode);
    }
    const endOfBatch = this.#at >= documents.length;
    return {
      chunk: encoder.take(this.#channel),
      id,
      namespace: this.#cursor.namespace.toString(),
      more: !endOfBatch || !exhausted,
      endOfBatch,
      ...(this.#session === undefined ? {} : { session: this.#session() }),
      response: endOfBatch ? responseOf(this.#cursor) : undefined,
    };
  }

  /** Returns the chunk size that splits a batch evenly, without a small last chunk. */
  #evenly(byteLength: number): number {
    let aim = this.#chunkBytes;
    if (this.#mode === 'lazy') aim = Math.min(aim, LAZY_CHUNK_BYTES);
    else if (this.#whole) aim *= WHOLE_CHUNKS;
    return byteLength / Math.max(1, Math.round(byteLength / aim));
  }

  /** Fetches one batch with exactly one command, as the driver's own `tryNext` does. */
  async #fetch(): Promise<ServerBatch> {
    const cursor = this.#cursor;
    this.#setBatchSize();
    let documents: RawDocuments;
    if (this.#tailable) {
      // `tryNext` would send a getMore after an empty first batch, and wait for its documents.
      const steps = cursorInternals(cursor);
      await carrying(this.#abort?.signal, () =>
        cursor.id === undefined ? steps.cursorInit() : steps.fetchBatch(),
      );
      documents = takeBuffered(cursor);
    } else {
      const first = (await carrying(this.#abort?.signal, () =>
        cursor.tryNext(),
      )) as Document | null;
      documents = first === null ? NO_DOCUMENTS : takeBuffered(cursor, first);
      if (!this.#whole) replyArrived(documents.byteLength);
    }
    this.#last = { length: documents.length, byteLength: documents.byteLength };
    const { low, high } = cursor.id ?? { low: 0, high: 0 };
    return { documents, id: [low, high] };
  }

  /** Sets the batch size of the next command: the application's, else one that makes a reply of a good size. */
  #setBatchSize(): void {
    const { cursorOptions } = cursorInternals(this.#cursor);
    if (this.#batchSize !== undefined) {
      cursorOptions.batchSize = this.#batchSize;
    } else if (this.#mayBoundReplies !== undefined && !this.#tailable) {
      const batchSize = this.#mayBoundReplies()
        ? documentsToAskFor(this.#cursor, this.#last, this.#whole)
        : undefined;
      // An absent option stays absent. A batch size that is not a number is for the server to refuse.
      if (batchSize !== undefined || 'batchSize' in cursorOptions) {
        cursorOptions.batchSize = batchSize;
      }
    }
  }
}
