import type { ShapeDefinition } from './format';
import type { ShapeContent } from './shape-definition';

export interface ShapeLimits {
  /** A shape is compiled once it was seen this often; until then its documents cross as BSON. */
  hotAfter: number;
  maxShapes: number;
  maxNodes: number;
}

/** Beyond this part of `maxShapes` the shapes that were used least recently are forgotten. */
const HIGH_WATER = 0.75;
/**
 * With fewer documents than this for each shape that is forgotten, shapes come and go faster than they are worth: a
 * shape must then be seen more often before it counts as one.
 */
const DOCUMENTS_WORTH_A_SHAPE = 64;
const MOST_HOT_AFTER = 256;

/** The shapes of an encoder, by their ids, which all its tries share. Bounded: the least recently used give way. */
export class ShapeTable {
  readonly limits: ShapeLimits;
  /** How often a shape must be seen; grows while shapes come and go too fast. */
  hotAfter: number;
  #definitions: (ShapeDefinition | undefined)[] = [undefined];
  #serial = 0;
  /** When shapes were forgotten last. */
  #documentsThen = 0;
  /** Shapes that were refused since then. */
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

  /** Gives the shape an id. The caller has asked for room. */
  add(content: ShapeContent): number {
    const id = this.#definitions.length;
    this.#definitions.push({ id, serial: ++this.#serial, ...content });
    return id;
  }

  /** Whether shapes are to be forgotten before the document of that number. */
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
   * Forgets all shapes but those that were used last. Of these, only what is asked for a new id stays.
   *
   * @param lastUse - gives a number that is the larger the later a shape was used
   * @returns what gives a shape's new id, or 0 where it is forgotten
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

export interface Renumbering {
  /** Gives a shape's new id; 0 where it is forgotten. */
  readonly newId: (id: number) => number;
  /** The new ids that were asked for, by the old ones. */
  readonly moved: ReadonlyMap<number, number>;
}
