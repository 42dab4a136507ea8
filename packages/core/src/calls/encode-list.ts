import type { BsonWriter } from '@mongo-offload/worker/codec';
import type { BSONSerializeOptions, Document } from 'mongodb';

import { timers } from '../timers';
import { leaveIfLarge } from './encode';
import { EncodedCall, LARGE } from './encoded-call';
import { keep, release, take, writeOptions } from './writers';

/** A long list goes into buffers that grow up to this size. */
const LARGEST_BUFFER = 1_048_576;
/** Documents that are written between two looks at the clock. */
const DOCUMENTS_AT_ONCE = 16;

/** A list of documents, and how each of them is written. */
export interface List {
  readonly length: number;
  /** Writes the document at this index; see `BsonWriter.document` for the last two. */
  write(writer: BsonWriter, index: number, largest: number, likely: number): void;
}

/** The documents as they are when they are written. */
export function documentList(documents: readonly Document[], bson: BSONSerializeOptions): List {
  const options = writeOptions(bson);
  return {
    length: documents.length,
    write: (writer, index, largest, likely) =>
      writer.document(documents[index], options, largest, likely),
  };
}

/**
 * A call of which the first argument is a list of documents: each is a BSON document of its own, after the one with the
 * options.
 *
 * All documents are read before this returns: what the application does with them afterwards is not sent.
 *
 * @param sliceMS - given when the application promised to leave the documents alone: then what takes longer than this is
 *   encoded slice by slice, and the event loop turns in between
 * @throws BSONError, as `encodeCall`
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
  /** Bytes that the next document will probably take: documents of one list are often alike. */
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

  /** Writes this number of documents. */
  write(count: number): void {
    const to = Math.min(this.#next + count, this.#list.length);
    while (this.#next < to) this.#one();
  }

  /** Writes some documents, or one when they are large. */
  writeSome(): void {
    const to = Math.min(this.#next + DOCUMENTS_AT_ONCE, this.#list.length);
    do this.#one();
    while (this.#next < to && !this.#isLarge);
  }

  /** @param alone - whether nothing else will be written into the writer's buffer */
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

  /** @param at - where the document should go in `bytes`, which it did when it fitted */
  #noteWritten(bytes: Buffer<ArrayBuffer>, at: number): void {
    const fitted = this.#writer.bytes === bytes;
    const size = this.#writer.at - (fitted ? at : 0);
    this.#isLarge = size >= LARGE;
    // Strings and numbers ask for more room than they come to take.
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
