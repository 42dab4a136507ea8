import type { AbstractCursor } from 'mongodb';

import type { CursorInternals } from '../../driver';
import { cutOff, rewound } from './cut-off';

type Cursor = AbstractCursor & CursorInternals;

/** The calls that read one cursor. */
interface Calls {
  /** Settles when the last call ends, with its error if it fails. Undefined while no call is under way. */
  last?: Promise<Failed | undefined>;
  /** The fetch that is under way. */
  fetch?: Promise<void>;
  /** Number of documents that `map()` is transforming. */
  transforming: number;
}

interface Failed {
  error: unknown;
}

const calls = new WeakMap<AbstractCursor, Calls>();

/** Returns whether a call that reads the cursor now must wait for earlier ones. */
export function isBusy(cursor: AbstractCursor): boolean {
  const known = calls.get(cursor);
  // A `map()` function may read from its own cursor. If it waited for the call that waits for it, both would hang.
  return known?.last !== undefined && known.transforming === 0;
}

/**
 * Runs a call that reads the cursor after the earlier ones have ended, so that calls get documents in their order. The
 * driver lets them fetch at the same time, and one batch overwrites another.
 */
export function inOrder<T>(cursor: Cursor, step: () => Promise<T>): Promise<T> {
  const known = callsOf(cursor);
  const others = isBusy(cursor) ? known.last : undefined;
  const call = (): Promise<T> =>
    others === undefined ? step() : afterOthers(cursor, others, step);
  return known.transforming > 0 ? call() : asLastCall(known, call);
}

/** Only the caller may await the returned promise: V8 follows an async stack through a single waiter only. */
async function asLastCall<T>(known: Calls, call: () => Promise<T>): Promise<T> {
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
  const isRewound = rewindOf(cursor);
  const failed = await others;
  if (isRewound()) throw rewound();
  // The earlier call ended the cursor, so this call fails with the same error.
  if (failed !== undefined && cursor.isDead && cursor.bufferedCount() === 0) throw failed.error;
  if (cursor.isKilled && !wasKilled) throw cutOff(cursor);
  return await step();
}

/** Fetches a batch, or waits for the fetch that is under way. */
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

/** Counts a document as being transformed by `map()` until the returned function is called. */
export function noteTransforming(cursor: AbstractCursor): () => void {
  const known = callsOf(cursor);
  known.transforming += 1;
  return () => (known.transforming -= 1);
}

/** Forgets the calls of a cursor that is rewound: nothing waits for them any more. */
export function forgetCalls(cursor: AbstractCursor): void {
  calls.delete(cursor);
}

/** Returns a function that returns whether the cursor was rewound since this call. */
export function rewindOf(cursor: AbstractCursor): () => boolean {
  const known = calls.get(cursor);
  return () => calls.get(cursor) !== known;
}

function callsOf(cursor: AbstractCursor): Calls {
  let known = calls.get(cursor);
  if (known === undefined) calls.set(cursor, (known = { transforming: 0 }));
  return known;
}
