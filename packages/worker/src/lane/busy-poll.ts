import { availableParallelism } from 'node:os';

/** Calls under way beyond which a worker is hardly ever asleep when something comes. */
const FEW = 2;
/**
 * A server that typically takes longer than this, in ms, is not waited for by polling: the gain would be small, and where it
 * takes so long because the processors are busy, a thread that polls is in the way of what it waits for.
 */
const LONGEST_MS = 0.35;
/** How long, in ms, a worker polls at most for one answer, and for the call behind an answer. */
const FOR_ANSWER_MS = 0.7;
const FOR_CALL_MS = 0.06;
/** The weight of the newest call in what is typical. */
const WEIGHT = 1 / 16;

/**
 * Keeps the worker's loop from going to sleep while an answer of the server is due within a moment.
 *
 * A call alone pays for two wake-ups that the driver on the main thread does not pay for, some 20 µs each: the
 * worker's by the call, and the worker's by the answer. Measured with one `findOne` in flight and mongod on the
 * same machine: 300 µs without this, 205 µs with it, 223 µs for the driver. It costs the processor time of
 * waiting, and so is done only for servers that answer within a third of a millisecond, for few calls, and where
 * there is more than one processor. A pending immediate is what makes the loop poll.
 */
export class BusyPoll {
  readonly #allowed: boolean;
  #inFlight = 0;
  #typicalMS = 0;
  #until = 0;
  #polling = false;

  constructor(allowed: boolean) {
    this.#allowed = allowed && availableParallelism() > 1;
  }

  /** A call begins. Returns when, for `answered`. */
  begun(): number {
    this.#inFlight += 1;
    if (!this.#allowed || this.#inFlight > FEW) return 0;
    const now = performance.now();
    if (this.#typicalMS < LONGEST_MS) this.#poll(now + FOR_ANSWER_MS);
    return now;
  }

  /** It ends: what was measured says whether the next is worth polling for. */
  answered(begun: number): void {
    this.#inFlight -= 1;
    if (begun === 0) return;
    const now = performance.now();
    this.#typicalMS += (Math.min(now - begun, 10) - this.#typicalMS) * WEIGHT;
    if (this.#inFlight === 0) this.#until = Math.min(this.#until, now + FOR_CALL_MS);
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
