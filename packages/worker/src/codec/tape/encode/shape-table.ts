import type { ShapeDefinition } from '../format/format';
import type { ShapeContent } from './shape-definition';

/** Bounds of an encoder's shapes and tries. */
export interface ShapeLimits {
  /** How often a shape must be seen before it gets an id. Until then, its documents cross as BSON. */
  hotAfter: number;
  maxShapes: number;
  maxNodes: number;
}

/** When more than this fraction of `maxShapes` is in use, the least recently used shapes are forgotten. */
const HIGH_WATER = 0.75;
/**
 * With fewer documents than this per forgotten shape, shapes come and go too fast to pay off. Then a shape must be seen
 * more often before it gets an id.
 */
const DOCUMENTS_WORTH_A_SHAPE = 64;
const MOST_HOT_AFTER = 256;

/**
 * The shapes of an encoder by id, shared by all its tries. Their number is bounded: the least recently used are
 * forgotten.
 */
export class ShapeTable {
  readonly limits: ShapeLimits;
  /** How often a shape must currently be seen. It grows while shapes come and go too fast. */
  hotAfter: number;
  #definitions: (ShapeDefinition | undefined)[] = [undefined];
  #serial = 0;
  /** Number of documents when shapes were last forgotten. */
  #documentsThen = 0;
  /** Number of shapes that found no room since then. */
  #refused = 0;

  constructor(limits: ShapeLimits) {
    this.limits = limits;
    this.hotAfter = limits.hotAfter;
  }

  get size(): number {
    return this.#definitions.length - 1;
  }

  get(id: number): ShapeDefinition {
    return this.#definitions[id]!;
  }

  hasRoom(): boolean {
    if (this.size < this.limits.maxShapes) return true;
    this.#refused++;
    return false;
  }

  /** Gives the shape an id. The caller must have checked `hasRoom`. */
  add(content: ShapeContent): number {
    const id = this.#definitions.length;
    this.#definitions.push({ id, serial: ++this.#serial, ...content });
    return id;
  }

  /** Whether shapes must be forgotten before the document with this number. */
  isFull(document: number): boolean {
    const since = document - this.#documentsThen;
    if (
      this.hotAfter > this.limits.hotAfter &&
      since > this.limits.maxShapes * DOCUMENTS_WORTH_A_SHAPE
    ) {
      this.hotAfter = this.limits.hotAfter;
    }
    return this.#refused > 0 || this.size > HIGH_WATER * this.limits.maxShapes;
  }

  /**
   * Forgets all shapes except the `kept` most recently used. Of these, only those stay for which the caller requests a
   * new id.
   *
   * @param lastUse - returns a larger number for a shape that was used later
   * @returns a function that returns a shape's new id, or 0 if the shape is forgotten
   */
  forget(document: number, kept: number, lastUse: (id: number) => number): Renumbering {
    const before = this.#definitions;
    const ids = before.slice(1).map((definition) => definition!.id);
    ids.sort((a, b) => lastUse(b) - lastUse(a));
    const forgotten = ids.splice(kept).length;
    if (forgotten > 0) this.#adapt((document - this.#documentsThen) / forgotten);
    this.#documentsThen = document;
    this.#refused = 0;
    this.#definitions = [undefined];
    const keeps = new Set(ids);
    const moved = new Map<number, number>();
    return {
      moved,
      newId: (id) => {
        if (!keeps.has(id)) return 0;
        const next = this.#definitions.length;
        this.#definitions.push({ ...before[id]!, id: next });
        moved.set(id, next);
        return next;
      },
    };
  }

  #adapt(documentsForEach: number): void {
    const least = this.limits.hotAfter;
    this.hotAfter =
      documentsForEach >= DOCUMENTS_WORTH_A_SHAPE
        ? Math.max(least, this.hotAfter >> 1)
        : Math.max(least, Math.min(MOST_HOT_AFTER, this.hotAfter * 2));
  }
}

/** The new ids of the shapes that are kept. */
export interface Renumbering {
  /** Returns a shape's new id, or 0 if it is forgotten. */
  readonly newId: (id: number) => number;
  /** The requested new ids, by the old ones. */
  readonly moved: ReadonlyMap<number, number>;
}
