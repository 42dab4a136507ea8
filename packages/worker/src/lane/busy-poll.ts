import { availableParallelism } from 'node:os';

import type { OPERATIONS, OperationName } from '../protocol';

type Effect = (typeof OPERATIONS)[OperationName]['effect'];

/** With more calls in flight, a worker is rarely asleep when a message arrives. */
const FEW = 2;
/**
 * Longest typical duration of a call, in ms, for which the worker polls. A write that takes a millisecond spends it on
 * the server's journal: polling made it 2 % shorter, for three times the processor time.
 */
const LONGEST_MS = { read: 2, write: 0.7 };
/** Longest time, in ms, that a worker polls for one reply, and for the next call if that typically comes so soon. */
const FOR_ANSWER_MS = 3;
const FOR_CALL_MS = 0.5;
/** The weight of the newest call in the typical duration, and the most, in ms, that it counts. */
const WEIGHT = 1 / 16;
const MOST_MS = 10;

/**
 * Keeps the worker's event loop from sleeping while a server's reply, or the next call, is due within milliseconds.
 *
 * A single call wakes the worker twice: when the call arrives, and when the reply does. The driver on the main thread
 * has no such cost. One wake-up takes 20 µs, and 200 µs on a virtual machine that releases its idle processors. Polling
 * uses processor time. So a worker polls only for few calls that take no longer than `LONGEST_MS`, and only with more
 * than one processor. A pending immediate makes the loop poll.
 */
export class BusyPoll {
  readonly #allowed: boolean;
  #inFlight = 0;
  readonly #typicalMS = { read: 0, write: 0 };
  #typicalPauseMS = MOST_MS;
  #answeredAt = 0;
  #until = 0;
  #polling = false;

  constructor(allowed: boolean) {
    this.#allowed = allowed && availableParallelism() > 1;
  }

  /** Number of calls in flight. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Starts a call. Returns its start time, for `answered`. */
  begun(effect: Effect): number {
    this.#inFlight += 1;
    if (!this.#allowed || this.#inFlight > FEW) return 0;
    const now = performance.now();
    if (this.#inFlight === 1)
      this.#typicalPauseMS = towards(this.#typicalPauseMS, now - this.#answeredAt);
    if (this.#typicalMS[effect] < LONGEST_MS[effect]) this.#poll(now + FOR_ANSWER_MS);
    return now;
  }

  /** Ends a call. Its duration decides whether the worker polls for the next one. */
  answered(begun: number, effect: Effect): void {
    this.#inFlight -= 1;
    if (begun === 0) return;
    const now = performance.now();
    this.#typicalMS[effect] = towards(this.#typicalMS[effect], now - begun);
    if (this.#inFlight > 0) return;
    this.#answeredAt = now;
    const soon = this.#typicalPauseMS < FOR_CALL_MS;
    this.#until = Math.min(this.#until, soon ? now + FOR_CALL_MS : now);
  }

  #poll(until: number): void {
    this.#until = until;
    if (this.#polling) return;
    this.#polling = true;
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    if (performance.now() < this.#until) setImmediate(this.#turn);
    else this.#polling = false;
  };
}

function towards(typicalMS: number, newestMS: number): number {
  return typicalMS + (Math.min(newestMS, MOST_MS) - typicalMS) * WEIGHT;
}
