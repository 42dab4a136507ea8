import { availableParallelism } from 'node:os';

import type { OPERATIONS, OperationName } from '../protocol';

type Effect = (typeof OPERATIONS)[OperationName]['effect'];

/** Calls under way beyond which a worker is hardly ever asleep when something comes. */
const FEW = 2;
/**
 * Calls that typically take longer, in ms, are not waited for by polling. A write that takes a millisecond takes it at the
 * server, for its journal: polling made it 2 % shorter, for three times the processor time.
 */
const LONGEST_MS = { read: 2, write: 0.7 };
/** How long, in ms, a worker polls at most for one answer, and for the call behind it where that typically comes so soon. */
const FOR_ANSWER_MS = 3;
const FOR_CALL_MS = 0.5;
/** The weight of the newest call in what is typical, and how long, in ms, it counts as at most. */
const WEIGHT = 1 / 16;
const MOST_MS = 10;

/**
 * Keeps the worker's loop from going to sleep while an answer of the server, or the next call, is due within a moment.
 *
 * A call alone pays for two wake-ups that the driver on the main thread does not pay for: the worker's by the call,
 * and the worker's by the answer. One takes 20 µs, and 200 on a virtual machine that gives its idle processors
 * back. Polling costs the processor time of waiting, and so is done only where calls are few and take no longer than
 * `LONGEST_MS`, and where there is more than one processor. A pending immediate is what makes the loop poll.
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

  /** Calls under way. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** A call begins. Returns when, for `answered`. */
  begun(effect: Effect): number {
    this.#inFlight += 1;
    if (!this.#allowed || this.#inFlight > FEW) return 0;
    const now = performance.now();
    if (this.#inFlight === 1)
      this.#typicalPauseMS = towards(this.#typicalPauseMS, now - this.#answeredAt);
    if (this.#typicalMS[effect] < LONGEST_MS[effect]) this.#poll(now + FOR_ANSWER_MS);
    return now;
  }

  /** It ends: what was measured says whether the next is worth polling for. */
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
