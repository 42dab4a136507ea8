import { Readable } from 'node:stream';

import type { AbstractCursor } from 'mongodb';

import type { CursorInternals } from '../driver/internals';
import { checkClientOpen, cutOff, isInterruption } from './cut-off';

type Cursor = AbstractCursor & CursorInternals;

/**
 * The driver's stream of a cursor, but for one thing: the driver's takes every error that says "operation was interrupted"
 * for the end of the result, and ends as if it were whole. This one emits it.
 */
export class CursorStream extends Readable {
  readonly #cursor: Cursor;
  #reading = false;

  constructor(cursor: Cursor) {
    super({ objectMode: true, autoDestroy: false, highWaterMark: 1 });
    this.#cursor = cursor;
    endOnAbort(this, cursor.signal);
  }

  override _read(): void {
    if (this.#reading) return;
    this.#reading = true;
    this.#readOn().catch((error: unknown) => this.destroy(error as Error));
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#cursor.close().then(() => callback(error), callback);
  }

  /** Reads until the consumer has enough. After the end, or an error, nothing is read any more. */
  async #readOn(): Promise<void> {
    let document: unknown;
    do {
      document = await this.#next();
      if (this.destroyed) {
        await this.#cursor.close();
        return;
      }
      if (document == null) {
        this.push(null);
        return;
      }
    } while (this.push(document));
    this.#reading = false;
  }

  async #next(): Promise<unknown> {
    const cursor = this.#cursor;
    if (cursor.isKilled) {
      checkClientOpen(cursor);
      // The application has closed it between two reads.
      return null;
    }
    try {
      const document: unknown = await cursor.next();
      if (cursor.isKilled) throw cutOff(cursor);
      return document;
    } catch (error) {
      // To close it is how a cursor ends that waits for more: it has no last document.
      if (cursor.cursorOptions.tailable === true && cursor.isClosed && isInterruption(error)) {
        return null;
      }
      throw error;
    }
  }
}

/** Destroys a stream with a signal's reason when that is aborted. Once the stream has ended, the signal holds nothing of it. */
export function endOnAbort(stream: Readable, signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  const abort = (): void => void stream.destroy(signal.reason as Error);
  const stop = (): void => signal.removeEventListener('abort', abort);
  signal.addEventListener('abort', abort, { once: true });
  stream.once('end', stop);
  // The driver takes the listeners of a change stream's stream away before it destroys it.
  const destroy = stream._destroy.bind(stream);
  stream._destroy = (error, callback) => {
    stop();
    destroy(error, callback);
  };
}
