import type { AbstractCursor } from 'mongodb';

import { offloadedState } from '../client';
import { clientOf, type CursorInternals } from '../driver';
import { Batch, rewindOf, checkNotCutOff, cutOff, rewound } from './remote';
import { closeQuietly, isOver } from './iterator';
import { remoteOf } from './offload-cursor';
import { sliceIsOver, yieldAfter } from './slice';

/**
 * Documents decoded between two checks of the clock. The number is small because V8 may collect its young generation
 * meanwhile. A collection takes as long as a slice or longer, and the next follows soon; the event loop must turn
 * between them.
 */
const DOCUMENTS_AT_ONCE = 8;
type Cursor = AbstractCursor & CursorInternals;

/**
 * Reads all remaining documents and closes the cursor.
 *
 * @throws if anything ended the cursor before all documents were read
 */
export async function readAll(cursor: Cursor): Promise<unknown[]> {
  const documents: unknown[] = [];
  const hasMore = hasRest(cursor);
  const isRewound = rewindOf(cursor);
  let before = 0;
  try {
    while (!isOver(cursor)) {
      before = documents.length;
      if (cursor.documents !== null) await takeBuffered(cursor, documents);
      // An abort closes the cursor, which must not look like the end of the result.
      cursor.signal?.throwIfAborted();
      if (isRewound()) throw rewound();
      if (isOver(cursor)) break;
      const remote = remoteOf(cursor);
      if (remote !== undefined) remote.whole = true;
      await cursor.fetchBatch();
      cursor.signal?.throwIfAborted();
    }
    if (hasMore) checkWhole(cursor);
  } finally {
    if (!isRewound()) {
      // As in the driver, the rest of the batch is dropped once its first document was taken. If that one failed, the
      // rest stays readable.
      if (documents.length > before || cursor.signal?.aborted) cursor.documents?.clear();
      await closeQuietly(cursor);
    }
  }
  return documents;
}

/**
 * Reads up to `most` documents.
 *
 * @throws if anything ended the cursor when it had returned fewer and more were left
 */
export async function readSome(cursor: Cursor, most: number): Promise<unknown[]> {
  const documents: unknown[] = [];
  if (!hasRest(cursor)) return documents;
  const isRewound = rewindOf(cursor);
  while (documents.length < most) {
    if (cursor.bufferedCount() > 0) {
      await takeBuffered(cursor, documents, most);
      if (isRewound()) throw rewound();
      if (cursor.isKilled) throw cutOff(cursor);
    } else {
      await cursor.fetchBatch();
      cursor.signal?.throwIfAborted();
      if (isOver(cursor)) break;
    }
  }
  if (documents.length < most) checkWhole(cursor);
  return documents;
}

/** Returns whether anything is left to read. @throws as `checkNotCutOff` if nothing is left */
function hasRest(cursor: Cursor): boolean {
  if (!isOver(cursor)) return true;
  checkNotCutOff(cursor);
  return false;
}

/** @throws if the cursor ended before its result was complete */
function checkWhole(cursor: Cursor): void {
  if (remoteOf(cursor)?.isWhole === false) throw cutOff(cursor);
}

/** Returns the milliseconds after which a reader of the cursor lets the event loop turn. */
export function sliceMSOf(cursor: Cursor): number {
  return offloadedState(clientOf(cursor))?.link.offload.sliceMS ?? Infinity;
}

/** Takes up to `most` of the documents that have arrived, transformed, and lets the event loop turn between slices. */
export async function takeBuffered(
  cursor: Cursor,
  target: unknown[],
  most = Infinity,
): Promise<void> {
  const { documents, transform } = cursor;
  const sliceMS = sliceMSOf(cursor);
  const before = target.length;
  while (documents !== null && documents.length > 0 && target.length < most) {
    cursor.signal?.throwIfAborted();
    if (documents instanceof Batch && transform === undefined) {
      readSlice(documents, target, { most, sliceMS });
    } else {
      // The first document goes alone: if `map()` throws for it, `toArray()` leaves those after it.
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
 * Reads until the slice is over. It is a separate function without the cursor in scope: V8 discards code that it has
 * optimised for a cursor when a garbage collection finds no living one.
 */
function readSlice(
  batch: Batch,
  target: unknown[],
  { most, sliceMS }: { most: number; sliceMS: number },
): void {
  do batch.readInto(target, Math.min(DOCUMENTS_AT_ONCE, most - target.length));
  while (batch.length > 0 && target.length < most && !sliceIsOver(sliceMS));
}
