import type { Document } from 'mongodb';

import { DeadlineExceededError } from '../errors';
import { timers } from '../event-loop';

/**
 * A strict limit on one operation, from the call until its promise settles. When the limit expires, `signal` aborts
 * with the DeadlineExceededError that the caller gets.
 */
export class Deadline {
  readonly signal: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  readonly #unfollow: (() => void) | undefined;

  /** @param given - the caller's own signal, which also aborts the operation */
  constructor(limitMS: number, what: string, write: boolean, given?: AbortSignal) {
    const controller = new AbortController();
    this.#unfollow = given && follow(controller, given);
    this.#timer = timers.setTimeout(() => {
      controller.abort(new DeadlineExceededError(what, { limitMS, write }));
    }, limitMS);
    // The call in flight keeps the process alive. Its timer must not.
    this.#timer.unref();
    this.signal = controller.signal;
  }

  /** Stops the timer. Call it when the operation has settled. */
  end(): void {
    timers.clearTimeout(this.#timer);
    this.#unfollow?.();
  }
}

/**
 * Returns the signal in an operation's options, if any.
 *
 * @throws TypeError if it is not a signal, as the driver does
 */
export function signalOf(options: Document | null | undefined): AbortSignal | undefined {
  const signal = options?.signal as AbortSignal | null | undefined;
  if (signal == null) return undefined;
  if (typeof signal.addEventListener !== 'function') {
    throw new TypeError('The option signal must be an AbortSignal');
  }
  return signal;
}

/** A signal that combines two others. */
export interface EitherSignal {
  /** Aborts when the first of them does, with its reason. */
  readonly signal: AbortSignal | undefined;
  /** Removes the listeners from both signals. Call it when the operation has ended. */
  readonly release: () => void;
}

const nothing = (): void => undefined;

/**
 * Combines two signals into one. It does not use `AbortSignal.any`: on Node 20 and 22 a long-lived signal keeps every
 * signal derived from it in memory.
 */
export function eitherSignal(a: AbortSignal | undefined, b: AbortSignal | undefined): EitherSignal {
  if (a === undefined || b === undefined || a === b) return { signal: a ?? b, release: nothing };
  const controller = new AbortController();
  const unfollow = [a, b].map((signal) => follow(controller, signal));
  return {
    signal: controller.signal,
    release: () => unfollow.forEach((stop) => stop()),
  };
}

/** Aborts the controller when the signal aborts, with its reason. Returns a function that stops this. */
function follow(controller: AbortController, signal: AbortSignal): () => void {
  if (signal.aborted) {
    controller.abort(signal.reason);
    return nothing;
  }
  const abort = (): void => controller.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  return () => signal.removeEventListener('abort', abort);
}
