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
  readonly #unfollow: (() => void) | undefined;

  /** @param given - a signal of the caller's: its abort ends the operation as well */
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

/** One signal for two reasons to stop. */
export interface EitherSignal {
  /** The first reason that comes is its own. */
  readonly signal: AbortSignal | undefined;
  /** To be called when what it was for has ended: it is aborted no more. */
  readonly release: () => void;
}

const nothing = (): void => undefined;

/**
 * Makes one signal of two. `AbortSignal.any` is none: on Node 20 and 22 a signal that lives long keeps all that were
 * made of it.
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

/** Aborts with a signal, for its reason. Returns how to stop that. */
function follow(controller: AbortController, signal: AbortSignal): () => void {
  if (signal.aborted) {
    controller.abort(signal.reason);
    return nothing;
  }
  const abort = (): void => controller.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  return () => signal.removeEventListener('abort', abort);
}
