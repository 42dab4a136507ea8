import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks';

import { decodingClock } from '../tracing';
import { timers } from '../event-loop';

/** Measurements of the main thread since measuring began, in milliseconds. */
export interface MainStats {
  /** Time since measuring began. */
  watchedMS: number;
  /** Total time spent on decoding documents that workers sent. */
  decodingMS: number;
  /** Longest decoding time in one turn of the event loop, which `offload.sliceMS` limits. */
  longestSliceMS: number;
  /** Longest delay of a timer beyond its due time, whatever blocked the event loop. */
  longestStallMS: number;
}

/** Milliseconds between two checks of the event loop. */
const RESOLUTION_MS = 10;

/** Measures the main thread as long as it has at least one user. */
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

  /** Returns the measurements, or null if it has no user. */
  read(): MainStats | null {
    if (this.#delay === undefined) return null;
    const { count, max } = this.#delay;
    return {
      watchedMS: rounded(timers.now() - this.#startedAt),
      decodingMS: rounded(decodingClock.totalMS),
      longestSliceMS: rounded(decodingClock.longestMS),
      // If nothing is late, successive checks are RESOLUTION_MS apart.
      longestStallMS: count === 0 ? 0 : rounded(Math.max(0, max / 1e6 - RESOLUTION_MS)),
    };
  }

  /** Resets the longest times: they count from now on. */
  restartLongest(): void {
    this.#delay?.reset();
    decodingClock.restartLongest();
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** The measurements of this process's main thread. */
export const mainWatch = new MainWatch();
