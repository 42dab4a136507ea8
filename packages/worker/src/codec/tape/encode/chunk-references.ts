/** The numbers of shapes or strings that a chunk uses, each once. */
export class ChunkReferences {
  #numbers: number[] = [];
  /** The chunk in which each number was last added. */
  #in = new Int32Array(256);
  #chunk = 1;

  add(number: number): number {
    if (number >= this.#in.length) {
      const grown = new Int32Array(number * 2);
      grown.set(this.#in);
      this.#in = grown;
    }
    if (this.#in[number] !== this.#chunk) {
      this.#in[number] = this.#chunk;
      this.#numbers.push(number);
    }
    return number;
  }

  /** Returns the numbers that are not in `sent`, and adds them to it. */
  unsent(sent: Set<number>): number[] {
    const unsent = this.#numbers.filter((number) => !sent.has(number));
    for (const number of unsent) sent.add(number);
    return unsent;
  }

  /** Returns a larger value for a number that was used later. */
  lastUse(number: number): number {
    return number < this.#in.length ? this.#in[number] : 0;
  }

  /**
   * Renumbers the entries and forgets those without a new number. Nothing may have been added for the current chunk
   * yet.
   */
  renumber(newNumbers: ReadonlyMap<number, number>): void {
    const before = this.#in;
    this.#in = new Int32Array(before.length);
    for (const [old, next] of newNumbers) this.#in[next] = before[old];
  }

  clear(): void {
    this.#numbers = [];
    this.#chunk += 1;
  }
}
