/** The lower bits of a call's number are its slot. The bits above count calls and wrap around. */
const SLOTS = 2 ** 22;
const COUNTS = 2 ** 31 - 1;

let calls = 0;

/**
 * The calls under way on one lane, by their number.
 *
 * An array with a free list, and no Map: V8's Map keeps the tables that it grew out of linked to each other, so that
 * one of them in the old generation keeps all that followed, and what was in them, through every scavenge. Measured
 * with 64 `findOne` in flight: 2 KB promoted for each, and a third of the main thread's time.
 */
export class PendingCalls<Call> {
  readonly #calls: (Call | undefined)[] = [];
  /** The number that each slot's call has: an answer to an earlier one is not mistaken for it. */
  readonly #numbers: number[] = [];
  readonly #free: number[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Keeps a call; the number it gets is that of no other call under way in the process. */
  add(call: Call): number {
    const slot = this.#free.pop() ?? this.#calls.length;
    if (slot >= SLOTS) throw new RangeError(`more than ${SLOTS} operations are under way`);
    calls = (calls % COUNTS) + 1;
    const number = calls * SLOTS + slot;
    this.#calls[slot] = call;
    this.#numbers[slot] = number;
    this.#size += 1;
    return number;
  }

  has(number: number): boolean {
    return this.#numbers[number % SLOTS] === number;
  }

  /** Gives a call and forgets it; undefined where it is not under way. */
  take(number: number): Call | undefined {
    const slot = number % SLOTS;
    if (this.#numbers[slot] !== number) return undefined;
    const call = this.#calls[slot];
    this.#calls[slot] = undefined;
    this.#numbers[slot] = 0;
    this.#free.push(slot);
    this.#size -= 1;
    return call;
  }

  forEach(callback: (number: number, call: Call) => void): void {
    this.#calls.forEach((call, slot) => {
      if (call !== undefined) callback(this.#numbers[slot], call);
    });
  }

  get(number: number): Call | undefined {
    return this.has(number) ? this.#calls[number % SLOTS] : undefined;
  }

  /** The numbers of all calls, in the order of their addition. */
  numbers(): number[] {
    return this.#numbers.filter((number) => number !== 0).sort((a, b) => a - b);
  }
}
