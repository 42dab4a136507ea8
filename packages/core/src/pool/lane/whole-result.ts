import type { DocumentReader } from '@mongo-offload/worker/codec';
import type { CursorBatch, OpenedCursor } from '@mongo-offload/worker/protocol';
import type { Document } from 'mongodb';

import { DecodingFailure } from './failure';

/** A cursor whose small result came as a whole, among other answers: it was read when it came, and nothing is left. */
export class WholeResult implements OpenedCursor {
  readonly batch: CursorBatch;
  readonly reader: DocumentReader;

  constructor(documents: (Document | DecodingFailure)[]) {
    const chunk = { buffer: NO_BYTES, count: documents.length };
    this.batch = { chunk, id: [0, 0], more: false, endOfBatch: true };
    this.reader = new ReadDocuments(documents);
  }
}

const NO_BYTES = new ArrayBuffer(0);

/** Gives documents that were read already; where that failed, the error is thrown when the document is taken. */
class ReadDocuments implements DocumentReader {
  readonly #documents: readonly (Document | DecodingFailure)[];
  #at = 0;

  constructor(documents: readonly (Document | DecodingFailure)[]) {
    this.#documents = documents;
  }

  get length(): number {
    return this.#documents.length - this.#at;
  }

  /** There is no buffer to be had. */
  readonly isSpent = false;

  next(): Document {
    if (this.length === 0) throw new RangeError('The result holds no more documents');
    const document = this.#documents[this.#at++];
    if (document instanceof DecodingFailure) throw document.error;
    return document;
  }

  readInto(target: Document[], max: number): number {
    const count = Math.min(max, this.length);
    for (let left = count; left > 0; left--) target.push(this.next());
    return count;
  }
}
