/**
 * A map of bounded size that forgets the least recently used entries.
 *
 * It has two generations. A used entry moves to the young one. When that is full, it becomes the old one, and all
 * entries still in the former old one are forgotten together. So a look-up costs no more than a Map's, and forgetting
 * is rare.
 */
export class RecentlyUsed<Key, Value> {
  readonly #size: number;
  readonly #forgotten: ((old: ReadonlyMap<Key, Value>) => void) | undefined;
  #young = new Map<Key, Value>();
  #old = new Map<Key, Value>();

  /**
   * @param size - entries in a generation: the map keeps this number of those used last, and at most twice as many
   * @param forgotten - called with the entries that the map has forgotten
   */
  constructor(size: number, forgotten?: (old: ReadonlyMap<Key, Value>) => void) {
    this.#size = size;
    this.#forgotten = forgotten;
  }

  get(key: Key): Value | undefined {
    const value = this.#young.get(key);
    if (value !== undefined) return value;
    const older = this.#old.get(key);
    if (older === undefined) return undefined;
    this.#old.delete(key);
    this.set(key, older);
    return older;
  }

  set(key: Key, value: Value): void {
    if (this.#young.size >= this.#size) {
      const old = this.#old;
      this.#old = this.#young;
      this.#young = new Map();
      if (old.size > 0) this.#forgotten?.(old);
    }
    this.#young.set(key, value);
  }

  /** Removes the entries that meet the condition. */
  removeIf(condition: (value: Value) => boolean): void {
    for (const map of [this.#young, this.#old]) {
      for (const [key, value] of map) if (condition(value)) map.delete(key);
    }
  }

  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
  }
}
