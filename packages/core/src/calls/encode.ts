import { BsonWriter, type WriteOptions } from '@mongo-offload/worker/codec';
import type { BSONSerializeOptions, Document } from 'mongodb';

import { timers } from '../timers';
import { EncodedCall, LARGE } from './encoded-call';

/** Positional arguments and options of a call, on their way into BSON. */
export interface CallParts {
  a?: unknown;
  b?: unknown;
  c?: unknown;
  o?: Document;
}

/** Bytes of the buffer that calls are written into, one behind the other. */
const BUFFER_BYTES = 65_536;
/** Where less is left, the next call gets a new buffer. */
const LEAST_ROOM = 4_096;
/** A long list goes into buffers that grow up to this size. */
const LARGEST_BUFFER = 1_048_576;
/** Documents that are written between two looks at the clock. */
const DOCUMENTS_AT_ONCE = 16;

let writer = new BsonWriter(BUFFER_BYTES);

/**
 * A call's arguments: one BSON document `{ a, b, c, o }`, encoded as the driver would encode the
 * arguments themselves. An argument that is undefined is absent.
 *
 * @throws BSONError, as the driver does, for what BSON cannot hold
 */
export function encodeCall(parts: CallParts, bson: BSONSerializeOptions): EncodedCall {
  if (writer.bytes.length - writer.at < LEAST_ROOM) writer.renew(BUFFER_BYTES);
  const start = writer.at;
  const root = withoutUndefined(parts);
  const before = writer.bytes;
  writer.document(root, serializing(bson));
  const from = writer.bytes === before ? start : 0;
  const { bytes, at } = writer;
  return new EncodedCall(bytes, from, at, leaveIfLarge(from));
}

/** An argument that is undefined is absent, whatever `ignoreUndefined` says of its inside. */
function withoutUndefined({ a, b, c, o }: CallParts): CallParts {
  if (a !== undefined && b === undefined && c === undefined)
    return o === undefined ? { a } : { a, o };
  const root: CallParts = {};
  if (a !== undefined) root.a = a;
  if (b !== undefined) root.b = b;
  if (c !== undefined) root.c = c;
  if (o !== undefined) root.o = o;
  return root;
}

/** A large call gets the buffer for itself, so that it can be handed over as it is; not one that hardly uses it. */
function leaveIfLarge(from: number): boolean {
  if (from > 0 || writer.at < Math.max(LARGE, writer.bytes.length) / 2) return false;
  writer.renew(BUFFER_BYTES);
  return true;
}

/**
 * A call whose first argument is a list of documents: each is a BSON document of its own behind the first.
 * What takes longer than a slice is encoded slice by slice, and the event loop turns in between.
 *
 * @throws BSONError, as `encodeCall`
 */
export function encodeListCall(
  documents: readonly Document[],
  options: Document | undefined,
  bson: BSONSerializeOptions,
  sliceMS: number,
): EncodedCall | Promise<EncodedCall> {
  const list = new ListEncoding(documents, options, serializing(bson));
  const end = performance.now() + sliceMS;
  while (!list.done) {
    list.write(DOCUMENTS_AT_ONCE);
    if (!list.done && performance.now() >= end) return list.inSlices(sliceMS);
  }
  return list.call();
}

class ListEncoding {
  readonly #documents: readonly Document[];
  readonly #options: WriteOptions;
  #call: EncodedCall | undefined;
  #writer = writer;
  #start: number;
  #next = 0;
  /** Bytes that the next document will take, as far as one can tell; 0 where the last one was not large. */
  #likely = 0;

  constructor(documents: readonly Document[], options: Document | undefined, bson: WriteOptions) {
    this.#documents = documents;
    this.#options = bson;
    if (writer.bytes.length - writer.at < LEAST_ROOM) writer.renew(BUFFER_BYTES);
    this.#start = writer.at;
    const root: Document = { n: documents.length };
    if (options !== undefined) root.o = options;
    this.#document(root);
  }

  get done(): boolean {
    return this.#next === this.#documents.length;
  }

  /** Writes so many documents, or fewer where they are large. */
  write(count: number): void {
    const to = Math.min(this.#next + count, this.#documents.length);
    do this.#document(this.#documents[this.#next++]);
    while (this.#next < to && this.#likely === 0);
  }

  async inSlices(sliceMS: number): Promise<EncodedCall> {
    // Other calls are encoded between the slices: they get another buffer.
    writer = writer.another(BUFFER_BYTES);
    while (!this.done) {
      await timers.nextTurn();
      const end = performance.now() + sliceMS;
      do this.write(DOCUMENTS_AT_ONCE);
      while (!this.done && performance.now() < end);
    }
    return this.call();
  }

  call(): EncodedCall {
    const { bytes, at } = this.#writer;
    const own = this.#writer !== writer || leaveIfLarge(this.#start);
    this.#close(bytes, at, own && this.#start === 0);
    return this.#call!;
  }

  #document(document: Document): void {
    const { bytes, at } = this.#writer;
    this.#writer.document(document, this.#options, LARGEST_BUFFER, this.#likely);
    const fitted = this.#writer.bytes === bytes;
    // Documents of one list are often alike; strings ask for more room than they come to take.
    const likely = Math.ceil(1.25 * (this.#writer.at - (fitted ? at : 0)));
    this.#likely = likely < LARGE ? 0 : likely;
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

const settings: WriteOptions[] = [];

function serializing({ ignoreUndefined, serializeFunctions }: BSONSerializeOptions): WriteOptions {
  const key = (ignoreUndefined === true ? 1 : 0) + (serializeFunctions === true ? 2 : 0);
  return (settings[key] ??= {
    ignoreUndefined: ignoreUndefined === true,
    serializeFunctions: serializeFunctions === true,
  });
}
