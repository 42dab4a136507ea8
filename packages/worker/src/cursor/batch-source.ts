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

/** How a cursor's batches are cut and encoded. */
export interface BatchSettings {
  /** BSON bytes that a chunk aims at. */
  chunkBytes: number;
  /** A tailable cursor is not read ahead: its batches come when there is something. */
  tailable: boolean;
  mode: EncodeMode;
  /** For cursors whose replies are large: whether it may be we who say how large, since nobody looks at the commands. */
  mayBoundReplies: (() => boolean) | undefined;
  /** What became of the cursor's session, where it has one. */
  session?: () => CursorBatch['session'];
  /** Whether a small result may travel as a whole: nothing is told of it but its documents. */
  mayBeWhole: boolean;
  /** Gives it up while it is being opened; where there is none, it cannot be given up later either. */
  signal: AbortSignal | undefined;
  /** Sends the events that are waiting, and says how far the main thread must have got. */
  mark: () => EventMark;
}

interface ServerBatch {
  documents: RawDocuments;
  /** The server's cursor id behind it: low, high; 0 where this is the last. */
  id: [low: number, high: number];
}

/** What opening a cursor came to: its first batch, or all there is, where that is little. */
export type Opening =
  { opened: OpenedCursor; transfer: (ArrayBuffer | MessagePort)[] } | { whole: RawDocuments };

/** A result of no more bytes travels as a whole: many may be answered in one turn, and main reads them all in one. */
const WHOLE_RESULT_BYTES = 32 * 1024;
/** Of a result that is kept as a whole, as much more travels at once: each chunk wakes the main thread. */
const WHOLE_CHUNKS = 3;
/** Of documents that are read from their bytes: a chunk stays for as long as one field in it was not touched. */
const LAZY_CHUNK_BYTES = 256 * 1024;

const NOTHING: ServerBatch = { documents: NO_DOCUMENTS, id: [0, 0] };

/**
 * Reads one of the driver's cursors and encodes what it brings, a bounded chunk at a time.
 *
 * Credit: the main thread has as many calls of `next` outstanding as it is willing to hold. Where
 * more than one is outstanding, the next batch is fetched from the server while this one is being
 * encoded; where none is, nothing is read.
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
  /** What this cursor does later is part of the call that opened it. */
  readonly #asCall = keepCall();
  /** What the encoder remembers having sent on this cursor's port. */
  readonly #channel = {};
  /** The batch in hand: a fetch ahead moves the driver's cursor on, so its id is kept with it. */
  #batch = NOTHING;
  #at = 0;
  /** BSON bytes of a chunk of the batch in hand. */
  #chunkSize = 0;
  #fetching: Promise<ServerBatch> | undefined;
  #last: ReplySize = { length: 0, byteLength: 0 };
  /** Documents of a reply, where the program has said how many. */
  #batchSize: number | undefined;
  #whole = false;
  #turn: Promise<unknown> = Promise.resolve();
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

  /** Runs the command that opens the cursor; a port is made only where more may follow. */
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
    // The main thread closes its end when it has what it wants, or dies with it still open.
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
    const mine = this.#turn.then(() => this.#asCall(() => this.#next(options)));
    this.#turn = mine.catch(() => undefined);
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

  /** Whether the batch in hand is the server's last. */
  get #exhausted(): boolean {
    const [low, high] = this.#batch.id;
    return low === 0 && high === 0;
  }

  /** Sees to it that there is something in hand, if there is anything more. */
  async #fill(options?: NextOptions): Promise<void> {
    if (this.#at >= this.#batch.documents.length) {
      this.#batchSize = options?.batchSize ?? this.#batchSize;
      this.#whole = options?.whole === true;
      // The reply that was read is not held while the next one comes.
      this.#batch = NOTHING;
      this.#at = 0;
      this.#batch = await (this.#fetching ?? this.#fetch());
      this.#fetching = undefined;
      this.#chunkSize = this.#evenly(this.#batch.documents.byteLength);
    }
  }

  /** The next chunk of the batch in hand. */
  #cut(): CursorBatch {
    const { documents, id } = this.#batch;
    const exhausted = this.#exhausted;
    if (!exhausted && this.#credit > 1 && !this.#tailable && !this.#closed) {
      this.#fetching ??= this.#fetch();
      // An error of a fetch ahead is told when it is asked for.
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

  /** What a batch of so many bytes is cut into: pieces of much the same size, without a small rest. */
  #evenly(byteLength: number): number {
    let aim = this.#chunkBytes;
    if (this.#mode === 'lazy') aim = Math.min(aim, LAZY_CHUNK_BYTES);
    else if (this.#whole) aim *= WHOLE_CHUNKS;
    return byteLength / Math.max(1, Math.round(byteLength / aim));
  }

  /** One batch of the server's: exactly one command, as the driver's own `tryNext` sends it. */
  async #fetch(): Promise<ServerBatch> {
    const cursor = this.#cursor;
    this.#setBatchSize();
    let documents: RawDocuments;
    if (this.#tailable) {
      // `tryNext` would send a getMore behind an empty first batch, and wait for what is to come.
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

  /** Documents of the next reply: as many as the program wants, else as make one of a good size. */
  #setBatchSize(): void {
    const { cursorOptions } = cursorInternals(this.#cursor);
    if (this.#batchSize !== undefined) {
      cursorOptions.batchSize = this.#batchSize;
    } else if (this.#mayBoundReplies !== undefined && !this.#tailable) {
      const batchSize = this.#mayBoundReplies()
        ? documentsToAskFor(this.#cursor, this.#last, this.#whole)
        : undefined;
      // Not set to undefined where it never was: what the program gave that is no number is for the server to refuse.
      if (batchSize !== undefined || 'batchSize' in cursorOptions) {
        cursorOptions.batchSize = batchSize;
      }
    }
  }
}
