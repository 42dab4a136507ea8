/*
 * An error that the application's own function throws on the main thread goes into a worker, through
 * the driver, and back as the error of an operation. So that the caller gets the very error that was
 * thrown, the main thread keeps it, and only its number makes the way.
 */

/** Errors that are kept at once; one that was thrown longer ago comes back as a copy. */
const KEPT = 64;

const kept = new Map<number, unknown>();
let next = 1;

/** On the main thread: keeps an error that was thrown here and is sent to a worker. */
export function keepThrown(error: unknown): number {
  const origin = next++;
  kept.set(origin, error);
  if (kept.size > KEPT) kept.delete(origin - KEPT);
  return origin;
}

/** On the main thread: returns the error kept under this number, if it still is. */
export function thrownHere(origin: number | undefined): unknown {
  return origin === undefined ? undefined : kept.get(origin);
}

const origins = new WeakMap<Error, number>();

/** In a worker: `copy` stands for an error that the main thread keeps. */
export function standsFor(copy: Error, origin: number): Error {
  origins.set(copy, origin);
  return copy;
}

/** In a worker: the number of the error that this one stands for, if it does. */
export function originOf(error: Error): number | undefined {
  return origins.get(error);
}
