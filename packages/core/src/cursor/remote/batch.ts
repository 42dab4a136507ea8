import type { ChangeStreamResponse, CursorBatch } from '@mongo-offload/worker/protocol';
import { emptyChunk, TapeDecoder, type DocumentReader } from '@mongo-offload/worker/codec';
import { Long, type Document, type MongoDBNamespace } from 'mongodb';

import { namespaceFromString, type BufferedDocuments } from '../../driver';
import { decodingClock } from '../../tracing';

/**
 * A batch in the form that the driver's cursor reads. Documents are decoded when they are taken, one at a time or many.
 * Those never taken are never decoded.
 */
export class Batch implements BufferedDocuments {
  readonly id: Long;
  readonly ns: MongoDBNamespace | null;
  /** Whether this is the last batch of its cursor. */
  readonly last: boolean;
  /** The server's reply of a change stream, if this is the last part of it. */
  readonly response: ChangeStreamResponse | undefined;
  readonly #reader: DocumentReader;
  readonly #buffer: ArrayBuffer;
  #cleared = false;

  /** @param reader - the reader of the batch's chunk */
  constructor({ chunk, id, namespace, more, response }: CursorBatch, reader: DocumentReader) {
    this.id = Long.fromBits(id[0], id[1]);
    this.ns = namespace === undefined ? null : namespaceFromString(namespace);
    this.last = !more;
    this.response = response;
    this.#buffer = chunk.buffer;
    this.#reader = reader;
  }

  get length(): number {
    return this.#cleared ? 0 : this.#reader.length;
  }

  shift(): Document | null {
    if (this.length === 0) return null;
    if (!decodingClock.running) return this.#reader.next();
    return decodingClock.measure(() => this.#reader.next());
  }

  /** Appends up to `max` documents to `target`, and returns their number. */
  readInto(target: unknown[], max: number): number {
    if (this.#cleared) return 0;
    if (!decodingClock.running) return this.#reader.readInto(target as Document[], max);
    return decodingClock.measure(() => this.#reader.readInto(target as Document[], max));
  }

  clear(): void {
    this.#cleared = true;
  }

  /** Takes the buffer of the documents, if all were read and none of them refers to it. */
  takeBuffer(): ArrayBuffer | undefined {
    if (this.#cleared || !this.#reader.isSpent) return undefined;
    this.#cleared = true;
    return this.#buffer;
  }
}

const chunk = emptyChunk();

/**
 * A batch that is kept alive with its reader: V8 discards code that it has optimised for batches when a collection of
 * its whole heap finds none.
 */
export const noBatch = new Batch(
  { chunk, id: [0, 0], more: false, endOfBatch: true },
  new TapeDecoder().open(chunk, {}),
);
