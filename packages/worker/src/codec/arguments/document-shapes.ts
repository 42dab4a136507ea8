import { objectsLike } from '../tape/decode/kept-alive';
import { compiledWriter, MAX_KEYS, type ObjectWriter } from './shape-writer';

/**
 * A place where objects occur: the root, an array, or a key of a compiled writer. It remembers the writer of its last
 * object.
 */
export interface ShapeSite {
  writer: ObjectWriter | undefined;
}

/** A sequence of keys that objects had. */
interface Candidate {
  readonly keys: readonly string[];
  seen: number;
  /** Undefined until the sequence was seen often enough and may be compiled; null if it cannot be compiled. */
  writer: ObjectWriter | null | undefined;
  /** Objects with the same hidden classes as those written, kept as long as the writer: see kept-alive.ts. */
  samples?: object[];
}

const COMPILE_AFTER = 8;
const MAX_WRITERS = 500;
/** Number of writers that stay when the others are forgotten. */
const KEPT_WRITERS = 375;
/**
 * After `MAX_WRITERS` compilations, each further one must wait for this number of look-ups. Compiling a writer costs as
 * much as writing hundreds of objects key by key, so it pays only for shapes that recur.
 */
const LOOKUPS_FOR_A_WRITER = 8_192;
const MAX_CANDIDATES = 2_000;
/** Most candidates with the same number of keys that are compared with one object. */
const MAX_ALIKE = 16;
const MAX_RECENT = 4;

/**
 * The sequences of keys seen so far, and the compiled functions that write objects with these keys. Their number is
 * bounded: the least recently used writers are dropped.
 */
export class DocumentShapes {
  /** Indexed by the number of keys. */
  #candidates: Candidate[][] = [];
  #count = 0;
  /** Number of compiled writers that a site may remember. */
  #writers = 0;
  /** Number of look-ups so far. Each writer stores the number at its last use, from which its age follows. */
  #lookups = 0;
  /** Number of writers that could be compiled at look-up number `#allowedAt`. */
  #allowed = MAX_WRITERS;
  #allowedAt = 0;
  /**
   * The writers that sites switched to most recently, replaced in rotation. Checking one that does not fit is cheap.
   */
  #recent: ObjectWriter[] = [];
  #turn = 0;

  /** Returns the function that writes this object, or the object's keys if there is no such function. */
  writerOf(document: Record<string, unknown>, site: ShapeSite): ObjectWriter | readonly string[] {
    // This is cheaper than for-in if V8 keeps the object as a dictionary, and hardly more expensive otherwise.
    const keys = Object.keys(document);
    if (keys.length > MAX_KEYS) return keys;
    const { writer } = site;
    if (writer !== undefined) {
      if (same(writer.keys, keys)) return writer;
      // The site used it until now without a look-up.
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

  /**
   * Drops the candidates that were never compiled, so that objects with ever-new keys cannot fill the table
   * permanently.
   */
  #forget(): void {
    this.#count = 0;
    this.#candidates = this.#candidates.map((alike) => {
      const kept = alike.filter(isCompiled);
      if (kept.length >= MAX_ALIKE) kept.sort(lastUsedFirst).length = MAX_ALIKE - 1;
      this.#count += kept.length;
      return kept;
    });
  }

  /** Drops the least recently used writers, and makes all sites forget their writer. */
  #forgetWriters(): void {
    const compiled = this.#candidates.flatMap((alike) => alike.filter(isCompiled));
    for (const { writer } of compiled) {
      // A site whose objects always have the same keys makes no look-ups, so update its writer here.
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
