import { timers } from '../event-loop';

/**
 * Measures how long the main thread decodes documents. Decoders check `running` first, and read no clock if it is
 * false.
 */
export class DecodingClock {
  running = false;
  #totalMS = 0;
  #longestMS = 0;
  /** Decoding time in the current turn of the event loop. */
  #turnMS = 0;

  /** Adds the time since `start` (by `performance.now()`), which the main thread spent on decoding. */
  addSince(start: number): void {
    const ms = timers.now() - start;
    this.#totalMS += ms;
    // Runs after this turn's decoding, before the application continues with the documents in the next turn.
    if (this.#turnMS === 0) timers.setImmediate(() => (this.#turnMS = 0)).unref();
    this.#turnMS += ms;
    if (this.#turnMS > this.#longestMS) this.#longestMS = this.#turnMS;
  }

  /** Runs work that decodes, and adds its duration. If the clock is not running, call the work without this closure. */
  measure<T>(work: () => T): T {
    const start = timers.now();
    try {
      return work();
    } finally {
      this.addSince(start);
    }
  }

  /** Total decoding time since `start()`, in milliseconds. */
  get totalMS(): number {
    return this.#totalMS;
  }

  /** Longest decoding time in one turn of the event loop, in milliseconds. */
  get longestMS(): number {
    return this.#longestMS;
  }

  start(): void {
    this.running = true;
    this.#totalMS = 0;
    this.#longestMS = 0;
  }

  restartLongest(): void {
    this.#longestMS = 0;
  }

  stop(): void {
    this.running = false;
  }
}

/** The clock of this process's main thread. */
export const decodingClock = new DecodingClock();
