import { timers } from '../event-loop';

/**
 * How long the main thread makes documents of bytes. What makes them looks whether it runs, and reads
 * no clock where it does not.
 */
export class DecodingClock {
  running = false;
  #totalMS = 0;
  #longestMS = 0;
  /** In the event loop's turn that is under way. */
  #turnMS = 0;

  /** The main thread has been decoding since then, by `performance.now()`. */
  addSince(start: number): void {
    const ms = timers.now() - start;
    this.#totalMS += ms;
    // Runs after this turn's decoding, before the application continues with the documents in the next turn.
    if (this.#turnMS === 0) timers.setImmediate(() => (this.#turnMS = 0)).unref();
    this.#turnMS += ms;
    if (this.#turnMS > this.#longestMS) this.#longestMS = this.#turnMS;
  }

  /** What `work` gives, which decodes. For where it runs: elsewhere that need not be a function. */
  timed<T>(work: () => T): T {
    const start = timers.now();
    try {
      return work();
    } finally {
      this.addSince(start);
    }
  }

  /** Milliseconds since it began to run. */
  get totalMS(): number {
    return this.#totalMS;
  }

  /** Milliseconds, of those in one turn of the event loop. */
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

/** That of this process's main thread. */
export const decodingClock = new DecodingClock();
