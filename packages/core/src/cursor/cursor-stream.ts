import { Readable } from 'node:stream';

import type { AbstractCursor } from 'mongodb';

import type { CursorInternals } from '../driver';
import { checkNotCutOff, cutOff, isInterruption, isOutdated } from './remote';
import { closeQuietly } from './iterator';

type Cursor = AbstractCursor & CursorInternals;

/**
 * A cursor's stream. It differs from the driver's in one thing: the driver's takes every error with the text "operation
 * was interrupted" for the end of the result, and ends as if the result were complete. This one emits the error.
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
    this.#readNext();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (isOutdated(error)) callback(error);
    else this.#cursor.close().then(() => callback(error), callback);
  }

  #readNext(): void {
    const cursor = this.#cursor;
    if (cursor.isKilled) this.#endOfClosed();
    else cursor.next().then(this.#take, this.#end).catch(this.#fail);
  }

  /**
   * Ends the stream if its cursor was closed between two reads; fails it if the client or a deadline closed the cursor.
   */
  #endOfClosed(): void {
    try {
      checkNotCutOff(this.#cursor);
      this.push(null);
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  /** Pushes a document, and reads on until the consumer has enough. */
  readonly #take = (document: unknown): void => {
    const cursor = this.#cursor;
    if (this.destroyed) void closeQuietly(cursor);
    else if (cursor.isKilled) this.#end(cutOff(cursor));
    else if (document == null) this.push(null);
    else if (this.push(document)) this.#readNext();
    else this.#reading = false;
  };

  readonly #end = (error: unknown): void => {
    const { cursorOptions, isClosed } = this.#cursor;
    // Closing is the normal end of a tailable cursor, which has no last document.
    if (cursorOptions.tailable === true && isClosed && isInterruption(error)) this.push(null);
    else this.destroy(error as Error);
  };

  /** Fails the stream with an error that a listener has thrown. */
  readonly #fail = (error: unknown): void => {
    this.#reading = false;
    this.destroy(error as Error);
  };
}

/** Destroys a stream with the signal's reason on abort. Removes the listener when the stream ends. */
export function endOnAbort(stream: Readable, signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  const abort = (): void => void stream.destroy(signal.reason as Error);
  const stop = (): void => signal.removeEventListener('abort', abort);
  signal.addEventListener('abort', abort, { once: true });
  stream.once('end', stop);
  // The driver removes a change stream's listeners before it destroys the stream, so 'close' would never arrive.
  const destroy = stream._destroy.bind(stream);
  stream._destroy = (error, callback) => {
    stop();
    destroy(error, callback);
  };
}
