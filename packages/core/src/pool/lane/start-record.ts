/** Consecutive failed starts after which the pool reports that no thread can start. */
const HOPELESS_STARTS = 3;

/** The results of starting a pool's threads. */
export class StartRecord {
  #failures = 0;

  /** Notes that a worker has started. */
  succeeded(): void {
    this.#failures = 0;
  }

  failed(): void {
    this.#failures += 1;
  }

  /** Whether no thread can start, so that trying again is useless. `cause` is that of the last failure. */
  isHopeless(cause: Error | undefined): boolean {
    return this.#failures >= HOPELESS_STARTS || isForbidden(cause);
  }
}

/** Whether Node's permission model refused the thread. It will refuse every other one too. */
export function isForbidden(cause: NodeJS.ErrnoException | undefined): boolean {
  return cause?.code === 'ERR_ACCESS_DENIED';
}
