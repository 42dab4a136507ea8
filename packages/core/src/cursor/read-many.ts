import type { AbstractCursor } from 'mongodb';

import { offloadedState } from '../client/state';
import { clientOf, type CursorInternals } from '../driver/internals';
import { Batch } from './batch';
import { checkClientOpen, cutOff } from './cut-off';
import { closeQuietly, isOver } from './iterator';
import { remoteOf } from './offload-cursor';
import { sliceIsOver, yieldAfter } from './slice';

/**
 * Documents that are decoded between two looks at the clock. Few: V8 stops for its young generation within
 * them, for as long as a slice or more, and a second time soon after; the loop is to turn in between.
 */
const DOCUMENTS_AT_ONCE = 8;
type Cursor = AbstractCursor & CursorInternals;

/**
 * Reads all that is left, and closes the cursor.
 *
 * @throws where it does not get all of it, whatever ended the cursor
 */
export async function readAll(cursor: Cursor): Promise<unknown[]> {
  const documents: unknown[] = [];
  const hasMore = hasRest(cursor);
  let before = 0;
  try {
    while (!isOver(cursor)) {
      before = documents.length;
      if (cursor.documents !== null) await takeBuffered(cursor, documents);
      // An abort closes the cursor: that is not the end of the result.
      cursor.signal?.throwIfAborted();
      if (isOver(cursor)) break;
      const remote = remoteOf(cursor);
      if (remote !== undefined) remote.whole = true;
      await cursor.fetchBatch();
      cursor.signal?.throwIfAborted();
    }
    if (hasMore) checkWhole(cursor);
  } finally {
    // The driver takes all that has arrived behind its first document: where that is not had, the rest stays readable.
    if (documents.length > before || cursor.signal?.aborted) cursor.documents?.clear();
    await closeQuietly(cursor);
  }
  return documents;
}

/**
 * Reads up to `most` documents.
 *
 * @throws where it gets fewer and there are more, whatever ended the cursor
 */
export async function readSome(cursor: Cursor, most: number): Promise<unknown[]> {
  const documents: unknown[] = [];
  if (!hasRest(cursor)) return documents;
  while (documents.length < most) {
    if (cursor.bufferedCount() > 0) {
      await takeBuffered(cursor, documents, most);
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

/** @throws MongoClientClosedError where nothing is left since the client was closed */
function hasRest(cursor: Cursor): boolean {
  if (!isOver(cursor)) return true;
  checkClientOpen(cursor);
  return false;
}

/** @throws where the cursor has ended and its result has not */
function checkWhole(cursor: Cursor): void {
  if (remoteOf(cursor)?.isWhole === false) throw cutOff(cursor);
}

/** Milliseconds after which the reader of a cursor is to let the loop turn. */
export function sliceMSOf(cursor: Cursor): number {
  return offloadedState(clientOf(cursor))?.link.offload.sliceMS ?? Infinity;
}

/** Takes what has arrived, `most` documents at most, transformed, and lets the loop turn between slices of it. */
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
