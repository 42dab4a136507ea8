import type { AbstractCursor, Document } from 'mongodb';

import { Deadline, deadlineOf } from '../abort';
import { stateOf } from '../client';
import { clientOf, type CursorInternals } from '../driver';
import type { CursorDescription } from './remote';

/** A cursor's limit, and the signal that the program gave. */
const deadlines = new WeakMap<AbstractCursor, { deadline: Deadline; given?: AbortSignal }>();
/** Options of ours that a cursor was made with, where it does not keep them. */
const ownOptions = new WeakMap<AbstractCursor, Document>();

/** Lets a cursor have options of ours (`deadlineMS`, `offload`) that the driver's cursor does not keep. */
export function keepOwnOptions(cursor: AbstractCursor, options: Document | null | undefined): void {
  if (options?.deadlineMS === undefined && options?.offload === undefined) return;
  const { deadlineMS, offload } = options;
  ownOptions.set(cursor, { deadlineMS: deadlineMS as unknown, offload: offload as unknown });
}

export function ownOptionsOf(cursor: AbstractCursor): Document | undefined {
  return ownOptions.get(cursor);
}

/** A cursor's limit runs from its first command until it is closed, however it is read. */
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
  // The driver's own checks of the signal then hold for both.
  cursor.signal = deadline.signal;
  return cursor.signal;
}

/** What waits for data has no end of its own: its limit was for the opening. */
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

/** The cursor is closed, or is being closed. */
export function stopDeadline(cursor: AbstractCursor): void {
  deadlines.get(cursor)?.deadline.end();
}
