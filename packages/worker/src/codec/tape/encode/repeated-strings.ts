/** V8 already shares strings of one character or none. */
const SHORTEST = 2;
const LONGEST = 32;
const SLOT_BITS = 12;
const SLOTS = 1 << SLOT_BITS;
/** Number of occurrences of a string before main keeps it. */
const KEPT_AFTER = 4;

/** The score of a field starts at 0. At this score, its strings are no longer looked up. */
export const WORST_SCORE = -64;
const BEST_SCORE = 64;
const MATCH = 2;

const MULTIPLIER = 0x9e3779b1 | 0;

/**
 * Short ASCII strings that occur often (a country, a status). Main keeps each once, under a number, and creates nothing
 * for a document that contains it. The table has a fixed size, with one string per slot. A string that main keeps stays
 * in its slot; any other gives way to the next string.
 */
export class RepeatedStrings {
  readonly #bytes = new Uint8Array(SLOTS * LONGEST);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #lengths = new Uint8Array(SLOTS);
  readonly #seen = new Uint8Array(SLOTS);
  /** The number of the string in each slot, or 0 if main does not keep it. */
  readonly #numbers = new Int32Array(SLOTS);
  readonly #texts: string[] = [''];

  /** Whether the last string that was looked up was in the table. */
  matched = false;

  /** Number of strings that main keeps. */
  get size(): number {
    return this.#texts.length - 1;
  }

  /** Whether so many slots are taken that a repeated string rarely finds one. */
  get isFull(): boolean {
    return this.size > 0.75 * SLOTS;
  }

  text(number: number): string {
    return this.#texts[number];
  }

  /** Returns the number of the string with these bytes, or 0 if main does not keep it. */
  numberOf(source: Uint8Array, view: DataView, start: number, length: number): number {
    let hash = length;
    if (length < 4) {
      hash ^= source[start] | (source[start + 1] << 8);
      if (length === 3) hash ^= source[start + 2] << 16;
    } else {
      // Hash the start, the middle and the end. Strings that differ elsewhere only share a slot.
      hash ^= view.getInt32(start, true);
      hash = Math.imul(hash, MULTIPLIER) ^ view.getInt32(start + ((length - 4) >> 1), true);
      hash = Math.imul(hash, MULTIPLIER) ^ view.getInt32(start + length - 4, true);
    }
    hash = Math.imul(hash, MULTIPLIER);
    const slot = hash >>> (32 - SLOT_BITS);
    this.matched = this.#lengths[slot] === length && this.#holds(slot, source, view, start, length);
    if (this.matched) {
      const number = this.#numbers[slot];
      if (number !== 0 || ++this.#seen[slot] < KEPT_AFTER) return number;
      return this.#keep(slot, length);
    }
    if (this.#numbers[slot] === 0) this.#put(slot, source, start, length);
    return 0;
  }

  #holds(slot: number, source: Uint8Array, view: DataView, start: number, length: number): boolean {
    const bytes = this.#bytes;
    const from = slot * LONGEST;
    if (length < 4) {
      for (let at = 0; at < length; at++) if (bytes[from + at] !== source[start + at]) return false;
      return true;
    }
    const own = this.#view;
    const last = length - 4;
    for (let at = 0; at < last; at += 4) {
      if (own.getInt32(from + at, true) !== view.getInt32(start + at, true)) return false;
    }
    return own.getInt32(from + last, true) === view.getInt32(start + last, true);
  }

  #put(slot: number, source: Uint8Array, start: number, length: number): void {
    const from = slot * LONGEST;
    let all = 0;
    for (let at = 0; at < length; at++) {
      const byte = source[start + at];
      all |= byte;
      this.#bytes[from + at] = byte;
    }
    this.#lengths[slot] = all < 0x80 ? length : 0;
    this.#seen[slot] = 1;
  }

  #keep(slot: number, length: number): number {
    const from = slot * LONGEST;
    const number = this.#texts.length;
    this.#texts.push(String.fromCharCode(...this.#bytes.subarray(from, from + length)));
    return (this.#numbers[slot] = number);
  }
}

/** Whether a string of this length is looked up. */
export function mayRepeat(length: number): boolean {
  return length >= SHORTEST && length <= LONGEST;
}

/** Returns the score of a field after a lookup. */
export function scored(score: number, matched: boolean): number {
  return matched ? Math.min(score + MATCH, BEST_SCORE) : score - 1;
}
