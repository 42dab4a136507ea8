import { setTimeout as sleep } from 'node:timers/promises';

/** Thrown when something took longer than it may. */
export class DeadlineError extends Error {
  name = 'DeadlineError';
}

/**
 * Settles as `promise` does, or rejects after `ms`. The promise itself goes on; whoever made it has to
 * take away what it waits for.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {number} ms
 * @param {() => string} what said in the error
 * @returns {Promise<T>}
 */
export async function within(promise, ms, what) {
  const won = new AbortController();
  const late = sleep(ms, undefined, { signal: won.signal }).then(() => {
    throw new DeadlineError(`${what()} took longer than ${ms} ms`);
  });
  // The loser of the race must not count as an unhandled rejection.
  late.catch(() => {});
  promise.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    won.abort();
  }
}
