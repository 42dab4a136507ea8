/** Starts that failed one after the other, with none that succeeded in between, before it is said that no thread can start. */
const HOPELESS_STARTS = 3;

/** How the starts of a pool's threads went. */
export class StartRecord {
  #failures = 0;

  /** A worker has started. */
  succeeded(): void {
    this.#failures = 0;
  }

  failed(): void {
    this.#failures += 1;
  }

  /** Whether threads cannot start at all: to try again is of no use. `cause`: of the last failure. */
  isHopeless(cause: Error | undefined): boolean {
    return this.#failures >= HOPELESS_STARTS || isForbidden(cause);
  }
}

/** Whether Node's permission model forbids to start a thread. It does so every time. */
export function isForbidden(cause: NodeJS.ErrnoException | undefined): boolean {
  return cause?.code === 'ERR_ACCESS_DENIED';
}
