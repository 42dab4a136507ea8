import type { AbstractCursor } from 'mongodb';

import type { CursorInternals } from '../driver/internals';
import { cutOff } from './cut-off';

type Cursor = AbstractCursor & CursorInternals;

/** The calls that read one cursor. */
interface Calls {
  /** The end of the last one, while any is under way. */
  last?: Promise<unknown>;
  /** The fetch that is under way. */
  fetch?: Promise<void>;
  /** Documents that `map()` is at work on. */
  transforming: number;
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
  const call = isBusy(cursor) ? afterOthers(cursor, known.last, step) : step();
  if (known.transforming > 0) return call;
  known.last = call;
  const ended = (): void => {
    if (known.last === call) known.last = undefined;
  };
  call.then(ended, ended);
  return call;
}

async function afterOthers<T>(
  cursor: Cursor,
  others: Promise<unknown> | undefined,
  step: () => Promise<T>,
): Promise<T> {
  const wasKilled = cursor.isKilled;
  try {
    await others;
  } catch (error) {
    // It has ended the cursor: this call as well had more to expect.
    if (cursor.isDead && cursor.bufferedCount() === 0) throw error;
  }
  if (cursor.isKilled && !wasKilled) throw cutOff(cursor);
  return await step();
}

/** Fetches a batch, or waits for the one that is on its way. */
export function fetchOnce(cursor: Cursor, fetch: () => Promise<void>): Promise<void> {
  const known = callsOf(cursor);
  if (known.fetch !== undefined) return known.fetch;
  const fetching = fetch.call(cursor);
  known.fetch = fetching;
  const ended = (): void => {
    if (known.fetch === fetching) known.fetch = undefined;
  };
  fetching.then(ended, ended);
  return fetching;
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
