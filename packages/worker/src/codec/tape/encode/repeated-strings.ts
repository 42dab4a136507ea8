/** Strings of one character or none are there already, in V8. */
const SHORTEST = 2;
const LONGEST = 32;
const SLOT_BITS = 12;
const SLOTS = 1 << SLOT_BITS;
/** How often a string is met before main is to keep it. */
const KEPT_AFTER = 4;

/** What a field has shown: it begins at 0, and from here on its strings are looked at no more. */
export const WORST_SCORE = -64;
const BEST_SCORE = 64;
const MATCH = 2;

const MULTIPLIER = 0x9e3779b1 | 0;

/**
 * Short strings that come again and again (a country, a status): main keeps each once, by a number, and makes
 * nothing for a document that has it. A table of bounded size, one string a place: what is in a place and was kept
 * stays; what was not gives way. ASCII only.
 */
export class RepeatedStrings {
  readonly #bytes = new Uint8Array(SLOTS * LONGEST);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #lengths = new Uint8Array(SLOTS);
  readonly #seen = new Uint8Array(SLOTS);
  /** 0 where main does not keep it. */
  readonly #numbers = new Int32Array(SLOTS);
  readonly #texts: string[] = [''];

  /** Whether the last string that was looked for was in the table. */
  matched = false;

  /** How many are kept. */
  get size(): number {
    return this.#texts.length - 1;
  }

  /** Whether most of the strings that repeat find their place taken. */
  get isFull(): boolean {
    return this.size > 0.75 * SLOTS;
  }

  text(number: number): string {
    return this.#texts[number];
  }

  /** The number of the string of these bytes; 0 where main does not keep it. */
  numberOf(source: Uint8Array, view: DataView, start: number, length: number): number {
    let hash = length;
    if (length < 4) {
      hash ^= source[start] | (source[start + 1] << 8);
      if (length === 3) hash ^= source[start + 2] << 16;
    } else {
      // Beginning, middle and end: strings that differ elsewhere only share a place.
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

export function isWorthALook(length: number): boolean {
  return length >= SHORTEST && length <= LONGEST;
}

/** The score of a field after a lookup. */
export function scored(score: number, matched: boolean): number {
  return matched ? Math.min(score + MATCH, BEST_SCORE) : score - 1;
}
