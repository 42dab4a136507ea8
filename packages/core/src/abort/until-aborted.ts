import { DeadlineExceededError, showCaller } from '../errors';
import { noLongerThan } from './no-longer-than';

/**
 * The most that a rejection waits for the events that belong before it. A worker answers an abort within a few
 * milliseconds; one whose loop is blocked does not hold up who has aborted.
 */
const EVENTS_WAIT_MS = 100;

/**
 * What the promise gives, or the signal's reason as soon as it is aborted.
 *
 * @param onAbort - tells whoever works on it to stop; what the promise comes to after that is ignored. The rejection waits
 *   for what this returns, but not for long.
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
  // Whoever has aborted may hear it before the events have come.
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
    // Where the events are waited for, the promise settles first, with the worker's own word for it. Nothing else may
    // wait for the promise: V8 follows an async stack only where one function does.
    const ended = promise.then(
      (value) => (isAborted ? aborted : value),
      (error: unknown) => {
        if (isAborted) return aborted;
        throw error;
      },
    );
    return await Promise.race([ended, aborted]);
  } catch (error) {
    // It was made by a timer: the caller's line is known here.
    if (error instanceof DeadlineExceededError) showCaller(error, untilAborted);
    throw error;
  } finally {
    signal.removeEventListener('abort', listener);
  }
}

async function told(telling: Promise<unknown> | undefined): Promise<void> {
  if (telling !== undefined) await noLongerThan(EVENTS_WAIT_MS, telling).catch(() => undefined);
}
