import { timers } from '../../event-loop';

/** A worker that lived for this long has not died of its start. */
const STABLE_MS = 10_000;
const FIRST_MS = 50;
/** For workers that started and died soon: the pool is to be whole again within a second. */
const LONGEST_MS = 400;
/** For workers that did not even start. */
const LONGEST_BEFORE_START_MS = 1_000;

/**
 * How long to wait before a worker is started again: the first time not at all, then twice as long with
 * each that dies young, so that what kills every worker does not take the processor as well.
 */
export class RestartDelay {
  #deaths = 0;
  #longest = LONGEST_MS;
  #startedAt = 0;

  /** Milliseconds before the next start. */
  next(): number {
    return this.#deaths < 2 ? 0 : Math.min(this.#longest, FIRST_MS * 2 ** (this.#deaths - 2));
  }

  started(): void {
    this.#startedAt = timers.now();
  }

  /** @param served - the worker had started, and served its lane */
  died(served: boolean): void {
    const stable = served && timers.now() - this.#startedAt >= STABLE_MS;
    this.#deaths = stable ? 0 : this.#deaths + 1;
    this.#longest = served ? LONGEST_MS : LONGEST_BEFORE_START_MS;
  }
}
