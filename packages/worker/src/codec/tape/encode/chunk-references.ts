/** Numbers that a chunk uses, each once. */
export class ChunkReferences {
  #numbers: number[] = [];
  /** In which chunk each was noted last. */
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

  /** Those that are not in `sent`, which are from now on. */
  unsent(sent: Set<number>): number[] {
    const unsent = this.#numbers.filter((number) => !sent.has(number));
    for (const number of unsent) sent.add(number);
    return unsent;
  }

  /** Returns a larger number for one that was used later. */
  lastUse(number: number): number {
    return number < this.#in.length ? this.#in[number] : 0;
  }

  /** Renumbers the entries and forgets those without a new number. The current chunk must not have noted anything. */
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
