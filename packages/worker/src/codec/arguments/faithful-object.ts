import type { Document } from 'mongodb';

/** The largest array index. Objects enumerate keys up to it first, in numerical order. */
const MAX_INDEX = 2 ** 32 - 2;

/**
 * Collects the fields of a document and returns a plain object if one can hold them, else a Map. A plain object
 * enumerates integer-like keys first and in order, has each key only once, and counts as a BSON value if it has a
 * `_bsontype`. Fields that this would change came from a Map originally.
 */
export class FaithfulObject {
  #object: Document = {};
  #entries: [string, unknown][] | undefined;
  #lastIndex = -1;
  #hasNames = false;

  set(key: string, value: unknown): void {
    if (this.#entries === undefined) {
      if (this.#fits(key, value)) {
        assign(this.#object, key, value);
        return;
      }
      this.#entries = Object.entries(this.#object);
    }
    this.#entries.push([key, value]);
  }

  document(): Document {
    const entries = this.#entries;
    if (entries === undefined) return this.#object;
    const map = new Map(entries);
    // bson writes lone surrogates as U+FFFD, so two keys of a Map may be equal in BSON.
    if (map.size < entries.length) map.entries = () => entries[Symbol.iterator]();
    return map;
  }

  #fits(key: string, value: unknown): boolean {
    const index = indexOf(key);
    if (index < 0) {
      if (Object.hasOwn(this.#object, key) || (key === '_bsontype' && value !== null)) return false;
      this.#hasNames = true;
      return true;
    }
    if (this.#hasNames || index <= this.#lastIndex) return false;
    this.#lastIndex = index;
    return true;
  }
}

/** Returns the key as an array index, or -1. */
function indexOf(key: string): number {
  const first = key.charCodeAt(0);
  if (!(first >= 0x30 && first <= 0x39)) return -1;
  const index = Number(key);
  return Number.isInteger(index) && index <= MAX_INDEX && String(index) === key ? index : -1;
}

function assign(document: Document, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(document, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  } else {
    document[key] = value;
  }
}
