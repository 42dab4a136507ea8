import { MongoClientClosedError, MongoServerError, type AbstractCursor } from 'mongodb';

import type { CursorInternals } from '../driver/internals';
import type { RemoteCursor } from './remote-cursor';

type Cursor = AbstractCursor & CursorInternals;

/** Cursors that their client's close has ended before their result did. */
const endedByClient = new WeakSet<AbstractCursor>();

/** The client closes: whoever reads the cursor from now on gets an error, and never part of the result as if it were all. */
export function noteClientCloses(cursor: AbstractCursor, remote: RemoteCursor | undefined): void {
  if (remote?.isWhole === true) return;
  endedByClient.add(cursor);
  remote?.noteClientCloses();
}

/** The cursor begins again, if its client does. */
export function noteRewind(cursor: AbstractCursor): void {
  endedByClient.delete(cursor);
}

/** @throws MongoClientClosedError where the client's close has ended the cursor */
export function checkClientOpen(cursor: AbstractCursor): void {
  if (endedByClient.has(cursor)) throw new MongoClientClosedError();
}

/** The error of a read that was under way when its cursor was closed. */
export function cutOff(cursor: Cursor): unknown {
  if (cursor.signal?.aborted === true) return cursor.signal.reason;
  return endedByClient.has(cursor) ? new MongoClientClosedError() : interrupted();
}

const interruptions = new WeakSet<object>();

/** Whether an error says that `close` has ended a read. */
export function isInterruption(error: unknown): boolean {
  return interruptions.has(error as object);
}

/**
 * What a read rejects with when `close` ends it: what the server says of it, in the worker, where nobody waits any more.
 * The driver's streams recognise it by its words, and end.
 */
export function interrupted(): MongoServerError {
  const errmsg = 'operation was interrupted: the cursor was closed';
  const error = new MongoServerError({ ok: 0, errmsg, code: 237, codeName: 'CursorKilled' });
  interruptions.add(error);
  return error;
}
