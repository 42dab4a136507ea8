import type { AbstractCursor } from 'mongodb';

import { offloadedState } from '../client/state';
import { clientOf, type CursorInternals } from '../driver/internals';
import { Batch } from './batch';
import { closeQuietly, CursorIterator, isOver } from './iterator';
import { offloadedCursorState } from './description';
import { remoteOf } from './offload-cursor';
import { sliceIsOver, yieldAfter } from './slice';

/** What our cursors offer beside the driver's methods. */
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
   * Calls back with each document, and once with null behind the last one; with the error, if there
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
 * Documents that are decoded between two looks at the clock. Few: V8 stops for its young generation within
 * them, for as long as a slice or more, and a second time soon after; the loop is to turn in between.
 */
const DOCUMENTS_AT_ONCE = 8;
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
      const documents: unknown[] = [];
      let before = 0;
      try {
        while (!isOver(this)) {
          before = documents.length;
          // The first command leaves in the turn of the call, before what is called behind it.
          if (this.documents !== null) await takeBuffered(this, documents);
          // An abort closes the cursor: that is not the end of the result.
          this.signal?.throwIfAborted();
          if (isOver(this)) break;
          const remote = remoteOf(this);
          if (remote !== undefined) remote.whole = true;
          await this.fetchBatch();
          this.signal?.throwIfAborted();
        }
      } finally {
        // The driver takes all that has arrived behind its first document: where that is not had, the rest stays readable.
        if (documents.length > before || this.signal?.aborted) this.documents?.clear();
        await closeQuietly(this);
      }
      return documents;
    },

    [Symbol.asyncIterator](this: Cursor): AsyncGenerator<unknown, void, void> {
      if (offloadedCursorState(this) === undefined) return iterate.call(this);
      return new CursorIterator(this, sliceMSOf(this));
    },

    async toList(this: Cursor, length?: number | null): Promise<unknown[]> {
      if (length == null) return (await this.toArray()) as unknown[];
      const documents: unknown[] = [];
      while (documents.length < length) {
        const document: unknown = this.closed ? null : await this.next();
        if (document === null) break;
        documents.push(document);
      }
      return documents;
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
      return this.closed ? Promise.resolve(false) : inSlices(this, hasNext);
    },
  });
}

/**
 * Takes a step of the driver's. Where documents have arrived, such steps follow each other without a turn of the loop:
 * what one gives is handed out behind a turn where the slice is over. It is taken at once all the same, so that calls
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

async function behindTurn<T>(result: Promise<T>, sliceMS: number): Promise<T> {
  const value = await result;
  await yieldAfter(sliceMS);
  return value;
}

/** Milliseconds after which the reader of a cursor is to let the loop turn. */
export function sliceMSOf(cursor: Cursor): number {
  return offloadedState(clientOf(cursor))?.link.offload.sliceMS ?? Infinity;
}

/** Takes what has arrived, `most` documents at most, transformed, and lets the loop turn between slices of it. */
async function takeBuffered(cursor: Cursor, target: unknown[], most = Infinity): Promise<void> {
  const { documents, transform } = cursor;
  const sliceMS = sliceMSOf(cursor);
  const before = target.length;
  while (documents !== null && documents.length > 0 && target.length < most) {
    cursor.signal?.throwIfAborted();
    if (documents instanceof Batch && transform === undefined) {
      readSlice(documents, target, { most, sliceMS });
    } else {
      // The first alone, which `map()` may refuse: `toArray()` then leaves what is behind it.
      const atOnce = target.length === before ? 1 : DOCUMENTS_AT_ONCE;
      const left = Math.min(atOnce, most - target.length);
      const taken = cursor.readBufferedDocuments(left) as unknown[];
      for (const document of taken) {
        target.push(transform === undefined ? document : await cursor.transformDocument(document));
      }
    }
    await yieldAfter(sliceMS);
  }
}

/**
 * Reads until the slice is over. A function of its own, without the cursor: a collection that finds no cursor alive
 * makes V8 throw away what it has optimised for one.
 */
function readSlice(
  batch: Batch,
  target: unknown[],
  { most, sliceMS }: { most: number; sliceMS: number },
): void {
  do batch.readInto(target, Math.min(DOCUMENTS_AT_ONCE, most - target.length));
  while (batch.length > 0 && target.length < most && !sliceIsOver(sliceMS));
}
