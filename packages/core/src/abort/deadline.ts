import type { Document } from 'mongodb';

import { DeadlineExceededError } from '../errors';
import { timers } from '../event-loop';

/**
 * A strict limit on one operation, from the call to its settled promise: it aborts by a signal,
 * whose reason is the DeadlineExceededError that the caller gets. End it when the operation has
 * settled.
 */
export class Deadline {
  readonly signal: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  readonly #unfollow: (() => void) | undefined;

  /** @param given - the caller's signal, which also ends the operation */
  constructor(limitMS: number, what: string, write: boolean, given?: AbortSignal) {
    const controller = new AbortController();
    this.#unfollow = given && follow(controller, given);
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
    this.#unfollow?.();
  }
}

/**
 * The signal that an operation was given, if any.
 *
 * @throws TypeError if it is not a signal, as the driver does when it reads it
 */
export function signalOf(options: Document | null | undefined): AbortSignal | undefined {
  const signal = options?.signal as AbortSignal | null | undefined;
  if (signal == null) return undefined;
  if (typeof signal.addEventListener !== 'function') {
    throw new TypeError('The option signal must be an AbortSignal');
  }
  return signal;
}

/** One signal for two reasons to stop. */
export interface EitherSignal {
  /** Aborts with the reason of whichever comes first. */
  readonly signal: AbortSignal | undefined;
  /** Detaches it from its sources. Call it when the operation has ended. */
  readonly release: () => void;
}

const nothing = (): void => undefined;

/**
 * Combines two signals into one. It does not use `AbortSignal.any`: on Node 20 and 22 a long-lived signal keeps every
 * signal derived from it.
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

/** Aborts when the signal does, with its reason. Returns a function that stops following it. */
function follow(controller: AbortController, signal: AbortSignal): () => void {
  if (signal.aborted) {
    controller.abort(signal.reason);
    return nothing;
  }
  const abort = (): void => controller.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  return () => signal.removeEventListener('abort', abort);
}
