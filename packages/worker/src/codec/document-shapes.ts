import { objectsLike } from './kept-alive';
import { compiledWriter, MAX_KEYS, type ObjectWriter } from './shape-writer';

/** A place for objects: the root, an array, or a key of a compiled writer. It remembers what wrote the last one there. */
export interface ShapeSite {
  writer: ObjectWriter | undefined;
}

/** Objects that had these keys in this order. */
interface Candidate {
  readonly keys: readonly string[];
  seen: number;
  /** Undefined until it was seen often enough; null where nothing can be compiled for it. */
  writer: ObjectWriter | null | undefined;
  /** Objects like those that are written, kept for as long as the writer: see kept-alive.ts. */
  samples?: object[];
}

const COMPILE_AFTER = 8;
const MAX_WRITERS = 500;
const MAX_CANDIDATES = 2_000;
/** Candidates with the same number of keys that are looked through for one object. */
const MAX_ALIKE = 16;
const MAX_RECENT = 4;

/** The sequences of keys that were met, and functions that write objects which have them. Bounded. */
export class DocumentShapes {
  /** By the number of keys. */
  #candidates: Candidate[][] = [];
  #count = 0;
  #writers = 0;
  /** The writers that sites changed to last, in turn: to ask one whether it fits costs little where it does not. */
  readonly #recent: ObjectWriter[] = [];
  #turn = 0;

  /** The function that writes this object; its keys where there is none. */
  writerOf(document: Record<string, unknown>, site: ShapeSite): ObjectWriter | readonly string[] {
    // Cheaper than for-in where V8 keeps the object as a dictionary, and hardly dearer elsewhere.
    const keys = Object.keys(document);
    if (keys.length > MAX_KEYS) return keys;
    const { writer } = site;
    if (writer !== undefined && same(writer.keys, keys)) return writer;
    for (const recent of this.#recent) {
      if (same(recent.keys, keys)) return (site.writer = recent);
    }
    const found = this.#known(keys, document);
    if (found === undefined) return keys;
    this.#recent[this.#turn] = found;
    this.#turn = (this.#turn + 1) % MAX_RECENT;
    return (site.writer = found);
  }

  #known(keys: readonly string[], document: object): ObjectWriter | undefined {
    const alike = (this.#candidates[keys.length] ??= []);
    for (const candidate of alike) {
      if (!same(candidate.keys, keys)) continue;
      if (candidate.writer === undefined && ++candidate.seen >= COMPILE_AFTER) {
        candidate.writer = this.#writers < MAX_WRITERS ? (compiledWriter(keys) ?? null) : null;
        if (candidate.writer !== null) {
          this.#writers += 1;
          candidate.samples = objectsLike(document, keys);
        }
      }
      return candidate.writer ?? undefined;
    }
    if (alike.length >= MAX_ALIKE || this.#count >= MAX_CANDIDATES) this.#forget();
    (this.#candidates[keys.length] ??= []).push({ keys, seen: 1, writer: undefined });
    this.#count += 1;
    return undefined;
  }

  /** Drops what was never seen often enough, so that objects with ever-new keys do not fill the table for good. */
  #forget(): void {
    this.#count = 0;
    this.#candidates = this.#candidates.map((alike) => {
      const kept = alike.filter(({ writer }) => writer != null).slice(0, MAX_ALIKE - 1);
      this.#count += kept.length;
      return kept;
    });
  }
}

function same(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
