import { AbstractCursor, MongoNetworkError, MongoServerSelectionError } from 'mongodb';

import { cursorInternals, replaceMethod } from './internals';

/** Time in ms that a lost server has to come back before a cursor reports the error that lost it. */
export const LOST_SERVER_MS = 1_000;

/** Cursors whose cleanup goes on after their error was reported. */
const cleaning = new WeakSet<object>();

/** Returns whether the driver is still cleaning up the cursor, so that it needs no other end. */
export function isCleaningUp(cursor: AbstractCursor): boolean {
  return cleaning.has(cursor);
}

/**
 * Makes cursors report within `LOST_SERVER_MS` that their server is lost. The driver first sends killCursors to that
 * server, and waits until it can be selected again: up to `serverSelectionTimeoutMS`, half a minute by default. A
 * change stream does not resume before. Here the cleanup goes on after the error is reported. This leaves out a cursor
 * in a session of the application, because killCursors must not follow the application's next command in that session.
 */
export function reportLostCursorsSoon(): void {
  replaceMethod(
    cursorInternals(AbstractCursor.prototype as AbstractCursor),
    'cleanup',
    (native) =>
      function (timeoutMS, error) {
        const isOwn = this.cursorSession?.owner === this;
        const cleaned = native.call(this, timeoutMS, error);
        if (!isOwn || !isLoss(error)) return cleaned;
        cleaning.add(this);
        return noLongerThan(LOST_SERVER_MS, cleaned);
      },
  );
}

/** Resolves when the work is done, or after `limitMS`. Rejects if the work does before. */
export async function noLongerThan(limitMS: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMS);
  });
  try {
    await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

function isLoss(error: Error | undefined): boolean {
  return error instanceof MongoNetworkError || error instanceof MongoServerSelectionError;
}
