import { DeadlineExceededError, showCaller } from '../errors';
import { noLongerThan } from './no-longer-than';

/**
 * Longest time that a rejection waits for the events that come before it. A worker answers an abort within a few
 * milliseconds; a blocked worker must not delay the caller.
 */
const EVENTS_WAIT_MS = 100;

/**
 * Resolves as the promise does, or rejects with the signal's reason as soon as the signal is aborted.
 *
 * @param onAbort - stops the work; its later result is ignored. The rejection waits briefly for the promise that this
 *   returns.
 */
export async function untilAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | null | undefined,
  onAbort?: () => Promise<unknown> | undefined,
): Promise<T> {
  if (signal == null) return await promise;
  if (signal.aborted) {
    promise.catch(() => undefined);
    await told(onAbort?.());
    throw signal.reason;
  }
  let reject!: (reason: unknown) => void;
  const aborted = new Promise<never>((_, no) => (reject = no));
  // The race may have rejected before this does: that is no unhandled rejection.
  aborted.catch(() => undefined);
  let isAborted = false;
  const listener = (): void => {
    isAborted = true;
    const telling = onAbort?.();
    if (telling === undefined) reject(signal.reason);
    else void told(telling).then(() => reject(signal.reason));
  };
  signal.addEventListener('abort', listener, { once: true });
  try {
    // While the rejection waits for events, the promise settles first, with the worker's own error. Only this function
    // may wait for the promise: V8 follows an async stack through a single waiter only.
    const ended = promise.then(
      (value) => (isAborted ? aborted : value),
      (error: unknown) => {
        if (isAborted) return aborted;
        throw error;
      },
    );
    return await Promise.race([ended, aborted]);
  } catch (error) {
    // A timer made the error; only here is the caller's line known.
    if (error instanceof DeadlineExceededError) showCaller(error, untilAborted);
    throw error;
  } finally {
    signal.removeEventListener('abort', listener);
  }
}

async function told(telling: Promise<unknown> | undefined): Promise<void> {
  if (telling !== undefined) await noLongerThan(EVENTS_WAIT_MS, telling).catch(() => undefined);
}
