import type { AbstractCursor } from 'mongodb';

import type { CursorInternals } from '../driver/internals';
import { cutOff } from './cut-off';

type Cursor = AbstractCursor & CursorInternals;

/** The calls that read one cursor. */
interface Calls {
  /** The end of the last one, while any is under way: with its error, if it fails. */
  last?: Promise<Failed | undefined>;
  /** The fetch that is under way. */
  fetch?: Promise<void>;
  /** Documents that `map()` is at work on. */
  transforming: number;
}

interface Failed {
  error: unknown;
}

const calls = new WeakMap<AbstractCursor, Calls>();

/** Whether a call that reads the cursor now must wait for others that were called before. */
export function isBusy(cursor: AbstractCursor): boolean {
  const known = calls.get(cursor);
  // A function that `map()` was given may read on from its own cursor: it must not wait for the call that waits for it.
  return known?.last !== undefined && known.transforming === 0;
}

/**
 * Runs a call that reads the cursor when those before it have ended, so that each call gets the documents that are its own
 * turn's. The driver lets such calls fetch side by side: what one brings replaces what another brought.
 */
export function inOrder<T>(cursor: Cursor, step: () => Promise<T>): Promise<T> {
  const known = callsOf(cursor);
  const others = isBusy(cursor) ? known.last : undefined;
  const call = (): Promise<T> =>
    others === undefined ? step() : afterOthers(cursor, others, step);
  return known.transforming > 0 ? call() : inTurn(known, call);
}

/** Only its caller waits for the promise that this gives: V8 follows an async stack only where no one else does. */
async function inTurn<T>(known: Calls, call: () => Promise<T>): Promise<T> {
  let end!: (failed: Failed | undefined) => void;
  const last = new Promise<Failed | undefined>((resolve) => (end = resolve));
  known.last = last;
  let failed: Failed | undefined;
  try {
    return await call();
  } catch (error) {
    failed = { error };
    throw error;
  } finally {
    if (known.last === last) known.last = undefined;
    end(failed);
  }
}

async function afterOthers<T>(
  cursor: Cursor,
  others: Promise<Failed | undefined>,
  step: () => Promise<T>,
): Promise<T> {
  const wasKilled = cursor.isKilled;
  const failed = await others;
  // It has ended the cursor: this call as well had more to expect.
  if (failed !== undefined && cursor.isDead && cursor.bufferedCount() === 0) throw failed.error;
  if (cursor.isKilled && !wasKilled) throw cutOff(cursor);
  return await step();
}

/** Fetches a batch, or waits for the one that is on its way. */
export function fetchOnce(cursor: Cursor, fetch: () => Promise<void>): Promise<void> {
  const known = callsOf(cursor);
  if (known.fetch !== undefined) return known.fetch;
  return (known.fetch = fetched(cursor, known, fetch));
}

async function fetched(cursor: Cursor, known: Calls, fetch: () => Promise<void>): Promise<void> {
  try {
    await fetch.call(cursor);
  } finally {
    known.fetch = undefined;
  }
}

/** Notes that `map()` is at work on a document of the cursor. */
export async function whileTransforming<T>(
  cursor: AbstractCursor,
  transform: () => Promise<T>,
): Promise<T> {
  const known = callsOf(cursor);
  known.transforming += 1;
  try {
    return await transform();
  } finally {
    known.transforming -= 1;
  }
}

/** The cursor begins again: nothing waits for what was called before. */
export function forgetCalls(cursor: AbstractCursor): void {
  calls.delete(cursor);
}

function callsOf(cursor: AbstractCursor): Calls {
  let known = calls.get(cursor);
  if (known === undefined) calls.set(cursor, (known = { transforming: 0 }));
  return known;
}
