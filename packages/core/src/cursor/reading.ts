import { inspect } from 'node:util';

import { MongoInvalidArgumentError, type AbstractCursor } from 'mongodb';

import type { CursorInternals } from '../driver';
import { Batch, inOrder, cutOff, offloadedCursorState } from './remote';
import { CursorStream } from './cursor-stream';
import { CursorIterator, isOver } from './iterator';
import { readAll, readSome, sliceMSOf, takeBuffered } from './read-many';
import { sliceIsOver, yieldAfter } from './slice';

/** Methods of our cursors in addition to the driver's. */
export interface OffloadedCursorMethods<TSchema> {
  /**
   * Resolves with up to `length` documents, or with all that are left for `null` or no argument. If more are left, the
   * cursor stays open.
   */
  toList(length?: number | null): Promise<TSchema[]>;
  /** Resolves with true if `nextObject()` will return a document. Fetches a batch if none is left. */
  readonly fetchNext: Promise<boolean>;
  /** Returns the next document if it has already arrived, otherwise null. See `fetchNext`. */
  nextObject(): TSchema | null;
  /**
   * Calls the callback with each document, and once with null after the last one. An error comes as the first argument.
   * If the callback returns false, the cursor is closed and no further call follows.
   *
   * @returns a promise that resolves after the last call of the callback
   */
  each(callback: (error: Error | null, document: TSchema | null) => unknown): Promise<void>;
  /**
   * Iterates over arrays of documents as they arrive, which is the cheapest way to read a large result. The read-ahead
   * bounds the memory, whatever the number of documents. Leaving the loop early closes the cursor.
   */
  batches(): AsyncGenerator<TSchema[], void, void>;
}

/**
 * Fewest documents in an array of `batches()`. An array has a quarter of the documents that have arrived, so that an
 * application that processes a whole array blocks the event loop for a shorter time.
 */
const LEAST_IN_ARRAY = 100;

type Cursor = AbstractCursor & CursorInternals;

/** Replaces the reading methods that would take documents one by one, and adds our own methods. */
export function installReading(prototype: AbstractCursor): void {
  const native = prototype;
  const { toArray, next, tryNext, hasNext } = native;
  const iterate = native[Symbol.asyncIterator];

  const methods = {
    next(this: Cursor): Promise<unknown> {
      return inSlices(this, next);
    },

    tryNext(this: Cursor): Promise<unknown> {
      return inSlices(this, tryNext);
    },

    async toArray(this: Cursor): Promise<unknown[]> {
      if (offloadedCursorState(this) === undefined) return (await toArray.call(this)) as unknown[];
      this.signal?.throwIfAborted();
      // The first command leaves in the turn of the call, before later calls.
      return await inOrder(this, () => readAll(this));
    },

    [Symbol.asyncIterator](this: Cursor): AsyncGenerator<unknown, void, void> {
      if (offloadedCursorState(this) === undefined) return iterate.call(this);
      return new CursorIterator(this, sliceMSOf(this));
    },

    async toList(this: Cursor, length?: number | null): Promise<unknown[]> {
      if (length == null) return (await this.toArray()) as unknown[];
      if (!isCount(length)) {
        throw new MongoInvalidArgumentError(
          `toList takes the largest number of documents to return, not ${inspect(length)}`,
        );
      }
      this.signal?.throwIfAborted();
      return await inOrder(this, () => readSome(this, length));
    },

    stream(this: Cursor): CursorStream {
      return new CursorStream(this);
    },

    nextObject(this: Cursor): unknown {
      const [document] = this.readBufferedDocuments(1) as unknown[];
      if (document === undefined) return null;
      return this.transform === undefined ? document : this.transform(document);
    },

    async each(
      this: Cursor,
      callback: (error: Error | null, document: unknown) => unknown,
    ): Promise<void> {
      try {
        for await (const document of this as AsyncIterable<unknown>) {
          if (callback(null, document) === false) return;
        }
      } catch (error) {
        callback(error as Error, null);
        return;
      }
      callback(null, null);
    },

    async *batches(this: Cursor): AsyncGenerator<unknown[], void, void> {
      this.signal?.throwIfAborted();
      try {
        while (await this.hasNext()) {
          const most = Math.max(LEAST_IN_ARRAY, Math.ceil(this.bufferedCount() / 4));
          while (this.bufferedCount() > 0 && !isOver(this)) {
            const documents: unknown[] = [];
            await takeBuffered(this, documents, most);
            // The cursor was closed during the read. To the consumer that would look like the end of the result.
            if (this.isKilled) throw cutOff(this);
            yield documents;
            this.signal?.throwIfAborted();
          }
        }
        this.signal?.throwIfAborted();
      } finally {
        if (!this.isClosed) await this.close();
      }
    },
  };
  for (const name of Reflect.ownKeys(methods) as (keyof typeof methods)[]) {
    Object.defineProperty(prototype, name, {
      value: methods[name],
      writable: true,
      configurable: true,
    });
  }
  Object.defineProperty(prototype, 'fetchNext', {
    configurable: true,
    get(this: Cursor): Promise<boolean> {
      return inSlices(this, hasNext);
    },
  });
}

/**
 * Runs a reading method of the driver. For documents that have arrived, such calls follow each other without a turn of
 * the event loop. So if the slice is over, the result comes after a turn. The document itself is taken at once, so that
 * concurrent calls get their documents in the order of the calls.
 */
function inSlices<T>(cursor: Cursor, step: (this: Cursor) => Promise<T>): Promise<T> {
  const { documents } = cursor;
  const arrived = documents instanceof Batch && documents.length > 0;
  const result = step.call(cursor);
  if (!arrived) return result;
  const sliceMS = sliceMSOf(cursor);
  return sliceIsOver(sliceMS) ? afterTurn(result, sliceMS) : result;
}

function isCount(length: unknown): length is number {
  return Number.isInteger(length) ? (length as number) >= 0 : length === Infinity;
}

async function afterTurn<T>(result: Promise<T>, sliceMS: number): Promise<T> {
  const value = await result;
  await yieldAfter(sliceMS);
  return value;
}
