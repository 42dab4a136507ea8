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
   * Up to `length` documents as an array; all that are left for `null` or no argument. The cursor
   * stays open where there are more.
   */
  toList(length?: number | null): Promise<TSchema[]>;
  /** Resolves to true where `nextObject()` will give a document: fetches a batch if none is left. */
  readonly fetchNext: Promise<boolean>;
  /** The next document that has already arrived, else null. See `fetchNext`. */
  nextObject(): TSchema | null;
  /**
   * Calls back with each document, and once with null after the last one; with the error, if there
   * is one, as the first argument. Returning false stops and closes the cursor.
   *
   * @returns when the last call is done
   */
  each(callback: (error: Error | null, document: TSchema | null) => unknown): Promise<void>;
  /**
   * Iterates over arrays of documents, as they arrive: the cheapest way through a large result.
   * Memory is bounded by the read-ahead, whatever the count. Leaving the loop early closes the
   * cursor.
   */
  batches(): AsyncGenerator<TSchema[], void, void>;
}

/**
 * An array of `batches()` is a quarter of what has arrived, so that a program that works on each of its documents has
 * the loop for less at a time; but not fewer documents than this.
 */
const LEAST_IN_ARRAY = 100;

type Cursor = AbstractCursor & CursorInternals;

/** Replaces the ways of reading that would take documents singly, and adds those of our own. */
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
 * Takes a step of the driver's. Where documents have arrived, such steps follow each other without a turn of the loop:
 * if the slice is over, its result is handed out after a turn. It is taken at once all the same, so that calls
 * side by side get their documents in the order of the calls.
 */
function inSlices<T>(cursor: Cursor, step: (this: Cursor) => Promise<T>): Promise<T> {
  const { documents } = cursor;
  const arrived = documents instanceof Batch && documents.length > 0;
  const result = step.call(cursor);
  if (!arrived) return result;
  const sliceMS = sliceMSOf(cursor);
  return sliceIsOver(sliceMS) ? behindTurn(result, sliceMS) : result;
}

function isCount(length: unknown): length is number {
  return Number.isInteger(length) ? (length as number) >= 0 : length === Infinity;
}

async function behindTurn<T>(result: Promise<T>, sliceMS: number): Promise<T> {
  const value = await result;
  await yieldAfter(sliceMS);
  return value;
}
