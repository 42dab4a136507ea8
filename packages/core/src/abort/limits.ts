import { MongoInvalidArgumentError, type Document } from 'mongodb';

import { Deadline, signalOf } from './deadline';
import { untilAborted } from './until-aborted';

/** Options of every operation and cursor that end it early. */
export interface LimitOptions {
  /**
   * Gives the operation up: it rejects at once with the signal's reason, and what it does in the worker
   * is stopped (a query that runs ends on the server). No other operation notices. A write may have been
   * applied all the same.
   */
  signal?: AbortSignal | undefined;
  /**
   * A strict limit in milliseconds, from the call to the settled promise: waiting, connecting and retries
   * included. Goes before `offload.deadlineMS` of the client. A cursor's runs from its first command to
   * its end; of one that waits for data (a change stream, a tailable cursor) it limits the opening.
   */
  deadlineMS?: number;
}

declare module 'mongodb' {
  interface OperationOptions {
    /** Of `@mongo-offload/core`: see its LimitOptions. */
    signal?: LimitOptions['signal'];
    /** Of `@mongo-offload/core`: see its LimitOptions. */
    deadlineMS?: LimitOptions['deadlineMS'];
  }
  interface AbstractCursorOptions {
    /** Of `@mongo-offload/core`: see its LimitOptions. */
    signal?: LimitOptions['signal'];
    /** Of `@mongo-offload/core`: see its LimitOptions. */
    deadlineMS?: LimitOptions['deadlineMS'];
  }
}

export const DEADLINE_RANGE: readonly [low: number, high: number] = [1, 2 ** 31 - 1];

/**
 * The limit that holds for an operation: its own, else its client's.
 *
 * @throws MongoInvalidArgumentError for one that is no positive number
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

/** What is to be said of an operation, and the limit that its client sets it. */
export interface Limited {
  what: string;
  write: boolean;
  defaults: { deadlineMS?: number };
}

/** The signal and the running deadline of one operation. Call `end` when it has settled. */
export class Limits {
  readonly signal: AbortSignal | undefined;
  readonly #deadline: Deadline | undefined;

  /** @throws for options that are wrong; the reason of a signal that is aborted already */
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
 * Does work within the limits that options set it.
 *
 * @throws what the work throws; at once, the signal's reason or a DeadlineExceededError
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
 * Does the same for work that rejects by itself with the signal's reason when the signal is aborted. Whatever precedes
 * that rejection, such as an event, comes first.
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
