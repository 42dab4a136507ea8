import { inspect } from 'node:util';

import {
  MongoAPIError,
  MongoInvalidArgumentError,
  MongoNetworkError,
  MongoParseError,
  MongoServerError,
  MongoServerSelectionError,
} from 'mongodb';

import { signalOf } from '../abort';
import { NotReadyError, WorkerLostError } from '../errors';
import { isForbidden } from '../pool';
import { timers } from '../event-loop';

/** How `waitUntilReady` waits. */
export interface WaitUntilReadyOptions {
  /** Milliseconds until it rejects with a NotReadyError. Default 30000. */
  timeoutMS?: number;
  /** Ends the wait, which rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Called after each failed attempt with its error, its number, and the milliseconds until the next. */
  onRetry?: (error: Error, attempt: number, delayMS: number) => void;
}

/** Time limit of one attempt of `waitUntilReady`, after which the next one starts. */
const ATTEMPT_MS = 5_000;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 2_000;

/**
 * Checks the options of `waitUntilReady`.
 *
 * @throws MongoInvalidArgumentError for an invalid option; the driver's TypeError for a `signal` that is not an
 *   AbortSignal
 */
export function checkedWait(options: WaitUntilReadyOptions | undefined): WaitUntilReadyOptions {
  if (options === undefined) return {};
  if (typeof options !== 'object' || options === null) {
    throw new MongoInvalidArgumentError(
      `waitUntilReady takes an options object, not ${inspect(options)}`,
    );
  }
  const { timeoutMS, onRetry } = options;
  if (timeoutMS !== undefined && !(typeof timeoutMS === 'number' && timeoutMS >= 0)) {
    throw new MongoInvalidArgumentError(
      `timeoutMS must be a number of milliseconds, not ${inspect(timeoutMS)}`,
    );
  }
  if (onRetry !== undefined && typeof onRetry !== 'function') {
    throw new MongoInvalidArgumentError(`onRetry must be a function, not ${inspect(onRetry)}`);
  }
  return { timeoutMS, onRetry, signal: signalOf(options) };
}

/**
 * Repeats an attempt with backoff until it succeeds.
 *
 * @param attempt - makes one attempt, which rejects after `limitMS`
 * @throws NotReadyError after `timeoutMS`; the signal's reason; at once, an error that no retry can fix
 */
export async function waitUntilReady(
  attempt: (limitMS: number) => Promise<void>,
  { timeoutMS = 30_000, signal, onRetry }: WaitUntilReadyOptions,
): Promise<void> {
  const deadline = timers.now() + timeoutMS;
  let lastError: Error | undefined;
  for (let tries = 1; ; tries++) {
    signal?.throwIfAborted();
    const left = deadline - timers.now();
    if (left <= 0) throw new NotReadyError(timeoutMS, tries - 1, lastError);
    try {
      return await attempt(Math.min(left, ATTEMPT_MS));
    } catch (error) {
      signal?.throwIfAborted();
      if (!mayPass(error as Error)) throw error;
      lastError = error as Error;
    }
    const backoff = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (tries - 1));
    const delayMS = Math.round(backoff * (0.5 + Math.random() / 2));
    const remaining = deadline - timers.now();
    if (remaining <= 0) throw new NotReadyError(timeoutMS, tries, lastError);
    onRetry?.(lastError, tries, delayMS);
    // An abort ends the delay; the loop then throws its reason.
    await timers.delay(Math.min(delayMS, remaining), undefined, { signal }).catch(() => undefined);
  }
}

/**
 * Returns whether another attempt may succeed. Wrong credentials or arguments, and a Node that must not start threads,
 * fail again.
 */
function mayPass(error: Error): boolean {
  if (error instanceof WorkerLostError) return !isForbidden(error.cause);
  if (error instanceof MongoServerSelectionError) return true;
  if (error instanceof MongoNetworkError) return true;
  if (error instanceof MongoServerError) return error.code !== 18;
  return !(error instanceof MongoAPIError || error instanceof MongoParseError);
}
