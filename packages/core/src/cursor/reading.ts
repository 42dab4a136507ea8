import type { AbstractCursor } from 'mongodb';

import { offloadedState } from '../client/state';
import { clientOf, type CursorInternals } from '../driver/internals';
import { Batch } from './batch';
import { CursorIterator } from './iterator';
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

type Cursor = AbstractCursor & CursorInternals;

/** Replaces the ways of reading that would take documents singly, and adds those of our own. */
export function installReading(prototype: AbstractCursor): void {
  const native = prototype;
  const { toArray } = native;
  const iterate = native[Symbol.asyncIterator];

  const methods = {
    async toArray(this: Cursor): Promise<unknown[]> {
      if (offloadedCursorState(this) === undefined) return (await toArray.call(this)) as unknown[];
      this.signal?.throwIfAborted();
      const documents: unknown[] = [];
      try {
        while (!isOver(this)) {
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
        // What an error has left behind is never read: `closed` asks for it.
        this.documents?.clear();
        if (!this.isClosed) await this.close();
      }
      return documents;
    },

    [Symbol.asyncIterator](this: Cursor): AsyncGenerator<unknown, void, void> {
      if (offloadedCursorState(this) === undefined) return iterate.call(this);
      return new CursorIterator(this);
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
          const documents: unknown[] = [];
          await takeBuffered(this, documents);
          yield documents;
          this.signal?.throwIfAborted();
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
      return this.closed ? Promise.resolve(false) : this.hasNext();
    },
  });
}

/** As the driver's own iterator decides that there is nothing more to read. */
export function isOver(cursor: Cursor): boolean {
  if (cursor.isKilled || cursor.closed) return true;
  return cursor.cursorId != null && cursor.isDead && (cursor.documents?.length ?? 0) === 0;
}

/** Takes what has arrived, transformed, and lets the loop turn between slices of it. */
async function takeBuffered(cursor: Cursor, target: unknown[]): Promise<void> {
  const { documents, transform } = cursor;
  const sliceMS = offloadedState(clientOf(cursor))?.link.offload.sliceMS ?? Infinity;
  while (documents !== null && documents.length > 0) {
    cursor.signal?.throwIfAborted();
    if (documents instanceof Batch && transform === undefined) {
      readSlice(documents, target, sliceMS);
    } else {
      const taken = cursor.readBufferedDocuments(DOCUMENTS_AT_ONCE) as unknown[];
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
function readSlice(batch: Batch, target: unknown[], sliceMS: number): void {
  do batch.readInto(target, DOCUMENTS_AT_ONCE);
  while (batch.length > 0 && !sliceIsOver(sliceMS));
}
