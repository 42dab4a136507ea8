import type { BsonWriter } from '@mongo-offload/worker/codec';
import type { BSONSerializeOptions, Document } from 'mongodb';

import { timers } from '../event-loop';
import { leaveIfLarge } from './encode';
import { EncodedCall, LARGE } from './encoded-call';
import { keep, release, take, writeOptions } from './writers';

/** Largest size in bytes to which the buffers of a long list grow. */
const LARGEST_BUFFER = 1_048_576;
/** Documents written between two checks of the clock. */
const DOCUMENTS_AT_ONCE = 16;

/** A list of documents, with the method that writes each of them. */
export interface List {
  readonly length: number;
  /** Writes the document at this index. See `BsonWriter.document` for `largest` and `likely`. */
  write(writer: BsonWriter, index: number, largest: number, likely: number): void;
}

/** Makes a list from documents. Each is encoded in the state that it has when it is written. */
export function documentList(documents: readonly Document[], bson: BSONSerializeOptions): List {
  const options = writeOptions(bson);
  return {
    length: documents.length,
    write: (writer, index, largest, likely) =>
      writer.document(documents[index], options, largest, likely),
  };
}

/**
 * Encodes a call whose first argument is a list of documents. Each becomes a BSON document of its own, after the one
 * with the options.
 *
 * Without `sliceMS`, this reads all documents before it returns, so that later changes by the application are not sent.
 *
 * @param sliceMS - set only if the application promised not to change the documents. Encoding that takes longer is then
 *   split into slices of this length, and the event loop turns between them.
 * @throws BSONError, as `encodeCall` does
 */
export function encodeListCall(
  list: List,
  options: Document | undefined,
  bson: BSONSerializeOptions,
  sliceMS?: number,
): EncodedCall | Promise<EncodedCall> {
  const writer = take();
  try {
    const encoding = new ListEncoding(writer, list, options, bson);
    if (sliceMS === undefined) {
      encoding.write(list.length);
      return encoding.call(false);
    }
    const end = timers.now() + sliceMS;
    while (!encoding.done) {
      encoding.writeSome();
      if (!encoding.done && timers.now() >= end) {
        keep();
        return inSlices(encoding, sliceMS);
      }
    }
    return encoding.call(false);
  } finally {
    release();
  }
}

async function inSlices(encoding: ListEncoding, sliceMS: number): Promise<EncodedCall> {
  while (!encoding.done) {
    await timers.nextTurn();
    const end = timers.now() + sliceMS;
    do encoding.writeSome();
    while (!encoding.done && timers.now() < end);
  }
  return encoding.call(true);
}

class ListEncoding {
  readonly #writer: BsonWriter;
  readonly #list: List;
  #call: EncodedCall | undefined;
  #start: number;
  #next = 0;
  /** Estimated size of the next document, because documents of one list are often alike. */
  #likely = 0;
  /** Whether the last document was large. */
  #isLarge = false;

  constructor(
    writer: BsonWriter,
    list: List,
    options: Document | undefined,
    bson: BSONSerializeOptions,
  ) {
    this.#writer = writer;
    this.#list = list;
    this.#start = writer.at;
    const root: Document = { n: list.length };
    if (options !== undefined) root.o = options;
    const { bytes, at } = writer;
    writer.document(root, writeOptions(bson), LARGEST_BUFFER);
    this.#noteWritten(bytes, at);
    this.#likely = 0;
  }

  get done(): boolean {
    return this.#next === this.#list.length;
  }

  /** Writes `count` documents. */
  write(count: number): void {
    const to = Math.min(this.#next + count, this.#list.length);
    while (this.#next < to) this.#one();
  }

  /** Writes a few documents, or one if they are large. */
  writeSome(): void {
    const to = Math.min(this.#next + DOCUMENTS_AT_ONCE, this.#list.length);
    do this.#one();
    while (this.#next < to && !this.#isLarge);
  }

  /**
   * Returns the encoded call.
   *
   * @param alone - whether nothing else will be written into the writer's buffer
   */
  call(alone: boolean): EncodedCall {
    const { bytes, at } = this.#writer;
    const own = alone || leaveIfLarge(this.#writer, this.#start);
    this.#close(bytes, at, own && this.#start === 0);
    return this.#call!;
  }

  #one(): void {
    const { bytes, at } = this.#writer;
    this.#list.write(this.#writer, this.#next++, LARGEST_BUFFER, this.#likely);
    this.#noteWritten(bytes, at);
  }

  /** @param at - the position in `bytes` at which the document starts if it fitted into them */
  #noteWritten(bytes: Buffer<ArrayBuffer>, at: number): void {
    const fitted = this.#writer.bytes === bytes;
    const size = this.#writer.at - (fitted ? at : 0);
    this.#isLarge = size >= LARGE;
    // The writer reserves more room for strings and numbers than they use.
    this.#likely = size + Math.min(3 * size, LARGE);
    if (fitted) return;
    this.#close(bytes, at, this.#start === 0);
    this.#start = 0;
  }

  #close(bytes: Buffer<ArrayBuffer>, end: number, own: boolean): void {
    if (end === this.#start) return;
    if (this.#call === undefined) this.#call = new EncodedCall(bytes, this.#start, end, own);
    else this.#call.add(bytes, this.#start, end, own);
  }
}
