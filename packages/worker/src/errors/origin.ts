/*
 * An error that the application's function throws on the main thread goes to a worker, through the driver, and back as
 * the error of an operation. The main thread keeps the error and sends its number, so that the caller gets the same
 * object.
 */

/** Number of errors that are kept. An older one comes back as a copy. */
const KEPT = 64;

const kept = new Map<number, unknown>();
let next = 1;

/** On the main thread: keeps an error that is sent to a worker, and returns its number. */
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

/** In a worker: marks `copy` as the copy of an error that the main thread keeps, and returns it. */
export function standsFor(copy: Error, origin: number): Error {
  origins.set(copy, origin);
  return copy;
}

/** In a worker: returns the number of the error that this one is a copy of, if any. */
export function originOf(error: Error): number | undefined {
  return origins.get(error);
}
