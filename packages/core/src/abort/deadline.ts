import type { Document } from 'mongodb';

import { DeadlineExceededError } from '../errors';
import { timers } from '../timers';

/**
 * A strict limit on one operation, from the call to its settled promise: it aborts by a signal,
 * whose reason is the DeadlineExceededError that the caller gets. End it when the operation has
 * settled.
 */
export class Deadline {
  readonly signal: AbortSignal;
  readonly #timer: NodeJS.Timeout;

  constructor(limitMS: number, what: string, write: boolean) {
    const controller = new AbortController();
    this.#timer = timers.setTimeout(() => {
      controller.abort(new DeadlineExceededError(what, { limitMS, write }));
    }, limitMS);
    // The call under way keeps the process alive, not its limit.
    this.#timer.unref();
    this.signal = controller.signal;
  }

  /** The operation has settled. */
  end(): void {
    timers.clearTimeout(this.#timer);
  }
}

/**
 * The signal that an operation was given, if any.
 *
 * @throws TypeError for what is none, as the driver does where it reads it
 */
export function signalOf(options: Document | null | undefined): AbortSignal | undefined {
  const signal = options?.signal as AbortSignal | null | undefined;
  if (signal == null) return undefined;
  if (typeof signal.addEventListener !== 'function') {
    throw new TypeError('The option signal must be an AbortSignal');
  }
  return signal;
}

/** One signal for two reasons to stop; the first that comes is the reason. */
export function eitherSignal(
  a: AbortSignal | undefined,
  b: AbortSignal | undefined,
): AbortSignal | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : AbortSignal.any([a, b]);
}
