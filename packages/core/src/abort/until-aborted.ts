import { DeadlineExceededError, showCaller } from '../errors';
import { noLongerThan } from './no-longer-than';

/**
 * Longest time in milliseconds that a rejection waits for the events before it. A worker answers an abort within a few
 * milliseconds. A blocked worker must not delay the caller.
 */
const EVENTS_WAIT_MS = 100;

/**
 * Settles as the promise does, or rejects with the signal's reason as soon as the signal is aborted.
 *
 * @param onAbort - stops the work, whose later result is ignored. The rejection waits briefly for the promise that this
 *   function returns.
 */
export async function untilAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | null | undefined,
  onAbort?: () => Promise<unknown> | undefined,
): Promise<T> {
  if (signal == null) return await promise;
  if (signal.aborted) {
    promise.catch(() => undefined);
    await waitBriefly(onAbort?.());
    throw signal.reason;
  }
  let reject!: (reason: unknown) => void;
  const aborted = new Promise<never>((_resolve, rejectAborted) => (reject = rejectAborted));
  // This may reject after the race is over. Without a handler, Node would report an unhandled rejection.
  aborted.catch(() => undefined);
  let isAborted = false;
  const listener = (): void => {
    isAborted = true;
    const events = onAbort?.();
    if (events === undefined) reject(signal.reason);
    else void waitBriefly(events).then(() => reject(signal.reason));
  };
  signal.addEventListener('abort', listener, { once: true });
  try {
    // While the rejection waits for events, the promise settles first, with the worker's own error. That error is
    // ignored. Nothing else may wait for the promise: V8 follows an async stack only through a single waiter.
    const ended = promise.then(
      (value) => (isAborted ? aborted : value),
      (error: unknown) => {
        if (isAborted) return aborted;
        throw error;
      },
    );
    return await Promise.race([ended, aborted]);
  } catch (error) {
    // A timer created the error, so its stack does not show the caller. The current stack does.
    if (error instanceof DeadlineExceededError) showCaller(error, untilAborted);
    throw error;
  } finally {
    signal.removeEventListener('abort', listener);
  }
}

async function waitBriefly(events: Promise<unknown> | undefined): Promise<void> {
  if (events !== undefined) await noLongerThan(EVENTS_WAIT_MS, events).catch(() => undefined);
}
