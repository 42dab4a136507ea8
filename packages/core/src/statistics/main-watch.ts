import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks';

import { decodingClock } from '../tracing';
import { timers } from '../event-loop';

/** What was seen of the main thread since it has been watched. Milliseconds. */
export interface MainStats {
  /** Since when it has been watched. */
  watchedMS: number;
  /** Spent on making documents of what workers sent, in all. */
  decodingMS: number;
  /** The most of that in one turn of the event loop: what `offload.sliceMS` bounds. */
  longestSliceMS: number;
  /** The longest that a timer of the program had to wait beyond its time, whatever held the event loop up. */
  longestStallMS: number;
}

/** Milliseconds between two looks at the event loop. */
const RESOLUTION_MS = 10;

/** Measures the main thread for as long as anyone wants it. */
class MainWatch {
  readonly #users = new Set<object>();
  #delay: IntervalHistogram | undefined;
  #startedAt = 0;

  start(user: object): void {
    this.#users.add(user);
    if (this.#delay !== undefined) return;
    this.#startedAt = timers.now();
    this.#delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.#delay.enable();
    decodingClock.start();
  }

  stop(user: object): void {
    if (!this.#users.delete(user) || this.#users.size > 0) return;
    this.#delay?.disable();
    this.#delay = undefined;
    decodingClock.stop();
  }

  /** What it has seen; null where nobody watches. */
  read(): MainStats | null {
    if (this.#delay === undefined) return null;
    const { count, max } = this.#delay;
    return {
      watchedMS: rounded(timers.now() - this.#startedAt),
      decodingMS: rounded(decodingClock.totalMS),
      longestSliceMS: rounded(decodingClock.longestMS),
      // Two checks in succession are this far apart if nothing is late.
      longestStallMS: count === 0 ? 0 : rounded(Math.max(0, max / 1e6 - RESOLUTION_MS)),
    };
  }

  /** The longest are those from now on. */
  restartLongest(): void {
    this.#delay?.reset();
    decodingClock.restartLongest();
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** That of this process's main thread. */
export const mainWatch = new MainWatch();
