import type { AbstractCursor, Document } from 'mongodb';

import { Deadline, deadlineOf } from '../abort';
import { stateOf } from '../client';
import { clientOf, type CursorInternals } from '../driver';
import type { CursorDescription } from './remote';

/** Each cursor's deadline, and the signal that the application gave. */
const deadlines = new WeakMap<AbstractCursor, { deadline: Deadline; given?: AbortSignal }>();
/** Options of ours that a cursor was made with, if the driver's cursor does not keep them. */
const ownOptions = new WeakMap<AbstractCursor, Document>();

/** Stores options of ours (`deadlineMS`, `offload`) that the driver's cursor does not keep. */
export function keepOwnOptions(cursor: AbstractCursor, options: Document | null | undefined): void {
  if (options?.deadlineMS === undefined && options?.offload === undefined) return;
  const { deadlineMS, offload } = options;
  ownOptions.set(cursor, { deadlineMS: deadlineMS as unknown, offload: offload as unknown });
}

export function ownOptionsOf(cursor: AbstractCursor): Document | undefined {
  return ownOptions.get(cursor);
}

/** Starts a cursor's deadline, which runs from its first command until it is closed. Returns the cursor's signal. */
export function startDeadline(
  cursor: CursorInternals & AbstractCursor,
  { options, writes = false }: CursorDescription,
): AbortSignal | undefined {
  const limitMS = deadlineOf(options, stateOf(clientOf(cursor))?.link.offload ?? {});
  if (limitMS === undefined) return cursor.signal;
  const deadline = new Deadline(limitMS, 'this cursor', writes, cursor.signal);
  deadlines.set(cursor, { deadline, given: cursor.signal });
  deadline.signal.addEventListener('abort', () => void cursor.close().catch(() => undefined), {
    once: true,
  });
  // The driver checks this field, so its checks cover the deadline too.
  cursor.signal = deadline.signal;
  return cursor.signal;
}

/** Ends the deadline of a tailable cursor: it waits for data without end, so the deadline is for its opening only. */
export function opened(cursor: CursorInternals & AbstractCursor): void {
  if (cursor.cursorOptions.tailable === true) endDeadline(cursor);
}

export function endDeadline(cursor: CursorInternals & AbstractCursor): void {
  const limited = deadlines.get(cursor);
  if (limited === undefined) return;
  stopDeadline(cursor);
  cursor.signal = limited.given;
  deadlines.delete(cursor);
}

/** Stops a cursor's deadline because the cursor is closed or being closed. */
export function stopDeadline(cursor: AbstractCursor): void {
  deadlines.get(cursor)?.deadline.end();
}
