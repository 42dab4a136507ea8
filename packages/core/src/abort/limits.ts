import { MongoInvalidArgumentError, type Document } from 'mongodb';

import { Deadline, signalOf } from './deadline';
import { untilAborted } from './until-aborted';

/** Options with which the caller can end an operation or cursor early. */
export interface LimitOptions {
  /**
   * Aborts the operation. It rejects immediately with the signal's reason, and the worker stops its work: a running
   * query ends on the server too. Other operations are not affected. A write may have been applied nevertheless.
   */
  signal?: AbortSignal | undefined;
  /**
   * A strict limit in milliseconds, from the call until the promise settles. It includes waiting, connecting and
   * retries, and overrides the client's `offload.deadlineMS`. For a cursor, it runs from the first command to the
   * cursor's end. If the cursor waits for data (a change stream, a tailable cursor), it limits only the opening.
   */
  deadlineMS?: number;
}

declare module 'mongodb' {
  interface OperationOptions {
    /** Added by `@mongo-offload/core`: see its LimitOptions. */
    signal?: LimitOptions['signal'];
    /** Added by `@mongo-offload/core`: see its LimitOptions. */
    deadlineMS?: LimitOptions['deadlineMS'];
  }
  interface AbstractCursorOptions {
    /** Added by `@mongo-offload/core`: see its LimitOptions. */
    signal?: LimitOptions['signal'];
    /** Added by `@mongo-offload/core`: see its LimitOptions. */
    deadlineMS?: LimitOptions['deadlineMS'];
  }
}

/** The smallest and the largest `deadlineMS`. Node's timers take no longer delays. */
export const DEADLINE_RANGE: readonly [low: number, high: number] = [1, 2 ** 31 - 1];

/**
 * Returns the time limit of an operation: its own `deadlineMS`, or else its client's.
 *
 * @throws MongoInvalidArgumentError if its own is not a number in `DEADLINE_RANGE`
 */
export function deadlineOf(
  options: Document | null | undefined,
  { deadlineMS }: { deadlineMS?: number },
): number | undefined {
  const own: unknown = options?.deadlineMS;
  if (own == null) return deadlineMS;
  const [low, high] = DEADLINE_RANGE;
  if (typeof own !== 'number' || !(own >= low && own <= high)) {
    throw new MongoInvalidArgumentError(
      `deadlineMS must be a number of milliseconds from ${low} to ${high}, not ${JSON.stringify(own)}`,
    );
  }
  return own;
}

/** How errors describe an operation, and the default limit of its client. */
export interface Limited {
  what: string;
  write: boolean;
  defaults: { deadlineMS?: number };
}

/** The signal and the running deadline of one operation. Call `end` when it has settled. */
export class Limits {
  readonly signal: AbortSignal | undefined;
  readonly #deadline: Deadline | undefined;

  /** @throws an error for invalid options; the signal's reason if it is already aborted */
  constructor(options: Document | null | undefined, { what, write, defaults }: Limited) {
    const limitMS = deadlineOf(options, defaults);
    const given = signalOf(options);
    given?.throwIfAborted();
    this.#deadline = limitMS === undefined ? undefined : new Deadline(limitMS, what, write, given);
    this.signal = this.#deadline?.signal ?? given;
  }

  end(): void {
    this.#deadline?.end();
  }
}

/**
 * Runs work within the limits of an operation's options. Rejects as soon as a limit is reached, without waiting for
 * the work to stop.
 *
 * @throws what the work throws; the signal's reason; DeadlineExceededError
 */
export async function withinLimits<T>(
  options: Document | null | undefined,
  limited: Limited,
  work: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  return await limiting(options, limited, async (signal) => {
    return await untilAborted(work(signal), signal);
  });
}

/**
 * Runs work that itself rejects with the signal's reason when the signal aborts. Unlike `withinLimits`, this waits for
 * that rejection, so that the operation's events come first.
 */
export async function limiting<T>(
  options: Document | null | undefined,
  limited: Limited,
  work: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  const limits = new Limits(options, limited);
  try {
    return await work(limits.signal);
  } finally {
    limits.end();
  }
}
