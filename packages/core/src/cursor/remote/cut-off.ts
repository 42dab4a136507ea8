import { MongoClientClosedError, MongoServerError, type AbstractCursor } from 'mongodb';

import type { CursorInternals } from '../../driver';
import type { RemoteCursor } from './remote-cursor';

type Cursor = AbstractCursor & CursorInternals;

/** Cursors that the close of their client ended before their result was complete. */
const endedByClient = new WeakSet<AbstractCursor>();

/**
 * Notes that the client closes. Later reads of the cursor reject, so that nobody takes a part of the result for all.
 */
export function noteClientCloses(cursor: AbstractCursor, remote: RemoteCursor | undefined): void {
  if (remote?.isWhole === true) return;
  endedByClient.add(cursor);
  remote?.noteClientCloses();
}

/** Notes that the cursor was rewound: it may be read again if its client is open. */
export function noteRewind(cursor: AbstractCursor): void {
  endedByClient.delete(cursor);
}

/**
 * Throws if a cursor ended before its result was complete.
 *
 * @throws MongoClientClosedError if the client's close ended it; the reason of its signal or deadline if that ended it
 */
export function checkNotCutOff(cursor: Cursor): void {
  if (endedByClient.has(cursor)) throw new MongoClientClosedError();
  if (cursor.isKilled) cursor.signal?.throwIfAborted();
}

/** Returns the error for a read that was under way when its cursor was closed. */
export function cutOff(cursor: Cursor): unknown {
  if (cursor.signal?.aborted === true) return cursor.signal.reason;
  return endedByClient.has(cursor) ? new MongoClientClosedError() : interrupted();
}

/** Errors of reads that began before their cursor was rewound. */
const outdated = new WeakSet<object>();

/** Returns the error of a read whose cursor was rewound meanwhile. The cursor itself starts again. */
export function rewound(): MongoServerError {
  const error = interrupted('rewound');
  outdated.add(error);
  return error;
}

/** Returns whether `rewind` caused this error. Such an error must not close the cursor. */
export function isOutdated(error: unknown): boolean {
  return outdated.has(error as object);
}

const interruptions = new WeakSet<object>();

/** Returns whether `interrupted` made this error. */
export function isInterruption(error: unknown): boolean {
  return interruptions.has(error as object);
}

/**
 * Returns the error of a read that `close` ends. The server sends the worker the same error, but the read no longer
 * waits for it. The driver's streams recognise it by its message, and end.
 */
export function interrupted(what = 'closed'): MongoServerError {
  const errmsg = `operation was interrupted: the cursor was ${what}`;
  const error = new MongoServerError({ ok: 0, errmsg, code: 237, codeName: 'CursorKilled' });
  interruptions.add(error);
  return error;
}
