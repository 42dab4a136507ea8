import type { Document } from 'mongodb';

import type { DecodeOptions } from '../format/decode-options';
import type { TapeChunk } from '../format/format';
import { SharedReaders, type Epoch, type TapeDecoderOptions } from './readers';
import { TapeCursor, type TableOf } from './tape-cursor';

export type { TapeDecoderOptions };

/** Gives documents, one after the other. */
export interface DocumentReader {
  /** How many documents are left. */
  readonly length: number;
  /** Whether all were read, and no document looks into the chunk's buffer. */
  readonly isSpent: boolean;
  /**
   * The next document. Throws what BSON.deserialize throws for it, and is then past it; throws a RangeError
   * when none is left.
   */
  next(): Document;
  /** Appends up to `max` documents to `target` and gives their number. */
  readInto(target: Document[], max: number): number;
}

/** Reads the documents of one chunk. */
export interface TapeReader extends DocumentReader {
  /** Other options for the documents that are left: where one chunk answers several calls. */
  use(options: DecodeOptions): void;
}

/**
 * EncodingOrder the tape that one channel of a worker sends into documents, on the main thread. A worker's channels share their
 * definitions; `forChannel` makes the decoder of another one.
 */
export class TapeDecoder {
  readonly #shared: SharedReaders;
  #epoch: Epoch;

  constructor(options: TapeDecoderOptions = {}, shared = new SharedReaders(options)) {
    this.#shared = shared;
    this.#epoch = shared.newest;
  }

  /** Makes a decoder for another channel of the same worker. Each channel reaches a new epoch at its own time. */
  forChannel(): TapeDecoder {
    return new TapeDecoder({}, this.#shared);
  }

  /**
   * Takes note of the shapes and strings that a chunk defines. `open` does so; a chunk that arrives and is not opened must
   * be given to this, since its channel will not be sent them again.
   */
  learn(chunk: TapeChunk): void {
    const { epoch = 0 } = chunk;
    if (this.#epoch.number !== epoch) this.#epoch = this.#shared.epoch(epoch);
    this.#epoch.learn(chunk);
  }

  open(chunk: TapeChunk, options: DecodeOptions): TapeReader {
    this.learn(chunk);
    const { texts, tableOf } = this.#epoch;
    const cursor = new TapeCursor(chunk.buffer, texts);
    cursor.setOptions(options, tableOf);
    return new ChunkReader(cursor, tableOf);
  }
}

class ChunkReader implements TapeReader {
  length: number;
  readonly #cursor: TapeCursor;
  readonly #tableOf: TableOf;

  constructor(cursor: TapeCursor, tableOf: TableOf) {
    this.#cursor = cursor;
    this.#tableOf = tableOf;
    this.length = cursor.documents;
  }

  get isSpent(): boolean {
    return this.length === 0 && !this.#cursor.isKept;
  }

  use(options: DecodeOptions): void {
    this.#cursor.setOptions(options, this.#tableOf);
  }

  next(): Document {
    if (this.length === 0) throw new RangeError('The chunk holds no more documents');
    this.length--;
    return this.#cursor.nextDocument();
  }

  readInto(target: Document[], max: number): number {
    const count = Math.min(max, this.length);
    const cursor = this.#cursor;
    for (let left = count; left > 0; left--) {
      this.length--;
      target.push(cursor.nextDocument());
    }
    return count;
  }
}
