/** A generator of numbers that one seed determines. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A generator for part `index` of the work, which can be repeated without the parts before it. */
  static part(seed: number, index: number): Random {
    const random = new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
    random.int32();
    return random;
  }

  /** Any 32 bits, as a signed integer (mulberry32). */
  int32(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return t ^ (t >>> 14);
  }

  /** An integer from 0 to `below - 1`. */
  below(below: number): number {
    return (this.int32() >>> 0) % below;
  }

  /** True once in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)];
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let at = 0; at < length; at++) bytes[at] = this.int32();
    return bytes;
  }
}
