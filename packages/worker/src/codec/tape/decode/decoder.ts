import type { Document } from 'mongodb';

import type { DecodeOptions } from '../format/decode-options';
import type { TapeChunk } from '../format/format';
import { SharedReaders, type Epoch, type TapeDecoderOptions } from './readers';
import { TapeCursor, type TableOf } from './tape-cursor';

export type { TapeDecoderOptions };

/** Reads documents, one after the other. */
export interface DocumentReader {
  /** Number of documents left. */
  readonly length: number;
  /** Whether all documents were read and none of them refers to the chunk's buffer. */
  readonly isSpent: boolean;
  /**
   * Reads the next document. Throws what BSON.deserialize throws for it, and has then moved past it. Throws a
   * RangeError if none is left.
   */
  next(): Document;
  /** Appends up to `max` documents to `target` and returns their number. */
  readInto(target: Document[], max: number): number;
}

/** Reads the documents of one chunk. */
export interface TapeReader extends DocumentReader {
  /** Changes the options for the remaining documents, if one chunk answers several calls. */
  use(options: DecodeOptions): void;
}

/**
 * Decodes the tape that one channel of a worker sends into documents, on the main thread. A worker's channels share
 * their definitions; `forChannel` creates the decoder of another channel.
 */
export class TapeDecoder {
  readonly #shared: SharedReaders;
  #epoch: Epoch;

  constructor(options: TapeDecoderOptions = {}, shared = new SharedReaders(options)) {
    this.#shared = shared;
    this.#epoch = shared.newest;
  }

  /** Creates a decoder for another channel of the same worker. Each channel reaches a new epoch at its own time. */
  forChannel(): TapeDecoder {
    return new TapeDecoder({}, this.#shared);
  }

  /**
   * Stores the shapes and strings that a chunk defines. `open` does this too. A chunk that arrives but is not opened
   * must be passed to this method, because its channel does not receive the definitions again.
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
    if (this.length === 0) throw new RangeError('The chunk has no more documents');
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
