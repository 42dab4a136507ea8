import { objectsLike } from '../tape/decode/kept-alive';
import { compiledWriter, MAX_KEYS, type ObjectWriter } from './shape-writer';

/** A place for objects: the root, an array, or a key of a compiled writer. It remembers what wrote the last one there. */
export interface ShapeSite {
  writer: ObjectWriter | undefined;
}

/** Objects that had these keys in this order. */
interface Candidate {
  readonly keys: readonly string[];
  seen: number;
  /** Undefined until it was seen often enough and may be compiled; null where nothing can be compiled for it. */
  writer: ObjectWriter | null | undefined;
  /** Objects like those that are written, kept for as long as the writer: see kept-alive.ts. */
  samples?: object[];
}

const COMPILE_AFTER = 8;
const MAX_WRITERS = 500;
/** Writers that stay when others are forgotten. */
const KEPT_WRITERS = 375;
/**
 * Once `MAX_WRITERS` were compiled, one more may be for this number of look-ups: to compile one costs as much as to write
 * hundreds of objects key by key, which pays off only for shapes that stay.
 */
const LOOKUPS_FOR_A_WRITER = 8_192;
const MAX_CANDIDATES = 2_000;
/** Candidates with the same number of keys that are looked through for one object. */
const MAX_ALIKE = 16;
const MAX_RECENT = 4;

/**
 * The sequences of keys that were met, and functions that write objects which have them. Bounded: the writers that were
 * used least recently give way.
 */
export class DocumentShapes {
  /** By the number of keys. */
  #candidates: Candidate[][] = [];
  #count = 0;
  /** Writers that were compiled and that a site may remember. */
  #writers = 0;
  /** Objects whose keys were looked up here. The number at a writer's last use tells how long ago that was. */
  #lookups = 0;
  /** Writers that might be compiled at the look-up of the number `#allowedAt`. */
  #allowed = MAX_WRITERS;
  #allowedAt = 0;
  /** The writers that sites changed to last, in turn: to ask one whether it fits costs little where it does not. */
  #recent: ObjectWriter[] = [];
  #turn = 0;

  /** The function that writes this object, or its keys if no function exists. */
  writerOf(document: Record<string, unknown>, site: ShapeSite): ObjectWriter | readonly string[] {
    // Cheaper than for-in where V8 keeps the object as a dictionary, and hardly dearer elsewhere.
    const keys = Object.keys(document);
    if (keys.length > MAX_KEYS) return keys;
    const { writer } = site;
    if (writer !== undefined) {
      if (same(writer.keys, keys)) return writer;
      // It was in use until now, without a look-up.
      writer.used = this.#lookups;
    }
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
    this.#lookups += 1;
    const alike = (this.#candidates[keys.length] ??= []);
    for (const candidate of alike) {
      if (!same(candidate.keys, keys)) continue;
      if (candidate.writer === undefined && ++candidate.seen >= COMPILE_AFTER) {
        this.#compile(candidate, document);
      }
      const { writer } = candidate;
      if (writer == null) return undefined;
      writer.used = this.#lookups;
      return writer;
    }
    if (alike.length >= MAX_ALIKE || this.#count >= MAX_CANDIDATES) this.#forget();
    (this.#candidates[keys.length] ??= []).push({ keys, seen: 1, writer: undefined });
    this.#count += 1;
    return undefined;
  }

  #compile(candidate: Candidate, document: object): void {
    if (!this.#mayCompile()) return;
    const writer = compiledWriter(candidate.keys) ?? null;
    candidate.writer = writer;
    if (writer === null) return;
    candidate.samples = objectsLike(document, candidate.keys);
    writer.used = this.#lookups;
    this.#allowed -= 1;
    this.#writers += 1;
    if (this.#writers > MAX_WRITERS) this.#forgetWriters();
  }

  #mayCompile(): boolean {
    const since = this.#lookups - this.#allowedAt;
    this.#allowedAt = this.#lookups;
    this.#allowed = Math.min(MAX_WRITERS, this.#allowed + since / LOOKUPS_FOR_A_WRITER);
    return this.#allowed >= 1;
  }

  /** Drops what was never seen often enough, so that objects with ever-new keys do not fill the table for good. */
  #forget(): void {
    this.#count = 0;
    this.#candidates = this.#candidates.map((alike) => {
      const kept = alike.filter(isCompiled);
      if (kept.length >= MAX_ALIKE) kept.sort(lastUsedFirst).length = MAX_ALIKE - 1;
      this.#count += kept.length;
      return kept;
    });
  }

  /** Drops the writers that were used least recently, and what sites remember of any. */
  #forgetWriters(): void {
    const compiled = this.#candidates.flatMap((alike) => alike.filter(isCompiled));
    for (const { writer } of compiled) {
      // A site where objects are always alike looks nothing up.
      for (const { writer: other } of writer.sites) {
        if (other !== undefined && other.used < writer.used) other.used = writer.used;
      }
    }
    const kept = new Set<Candidate>(compiled.sort(lastUsedFirst).slice(0, KEPT_WRITERS));
    for (const { writer } of compiled) for (const site of writer.sites) site.writer = undefined;
    this.#candidates = this.#candidates.map((alike) => alike.filter((one) => kept.has(one)));
    this.#recent = [];
    this.#turn = 0;
    this.#writers = this.#count = kept.size;
  }
}

interface Compiled extends Candidate {
  readonly writer: ObjectWriter;
}

function isCompiled(candidate: Candidate): candidate is Compiled {
  return candidate.writer != null;
}

function lastUsedFirst(a: Compiled, b: Compiled): number {
  return b.writer.used - a.writer.used;
}

function same(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
