/** From this size on, a call's bytes are handed to the worker with their buffer, and not copied out of it. */
export const LARGE = 65_536;

/** Bytes in a buffer. */
interface Range {
  readonly bytes: Buffer<ArrayBuffer>;
  readonly start: number;
  readonly end: number;
  /** Whether nothing else is in the buffer, or will be. */
  readonly own: boolean;
}

/** The arguments of one call as consecutive BSON documents, in one buffer, or in several if they are large. */
export class EncodedCall {
  readonly #first: Range;
  #more: Range[] | undefined;
  length: number;

  constructor(bytes: Buffer<ArrayBuffer>, start: number, end: number, own: boolean) {
    this.#first = { bytes, start, end, own };
    this.length = end - start;
  }

  add(bytes: Buffer<ArrayBuffer>, start: number, end: number, own: boolean): void {
    (this.#more ??= []).push({ bytes, start, end, own });
    this.length += end - start;
  }

  get isLarge(): boolean {
    return this.length >= LARGE;
  }

  /** Whether buffers of it were handed over, so that it cannot be sent again. */
  get isGone(): boolean {
    return this.#ranges.some(({ bytes }) => bytes.length === 0);
  }

  /** Copies all of it. */
  copyTo(target: Buffer, at: number): void {
    for (const { bytes, start, end } of this.#ranges) {
      bytes.copy(target, at, start, end);
      at += end - start;
    }
  }

  /**
   * The bytes as buffers that can be transferred, each with the number of bytes that count in it.
   *
   * @param once - nobody needs this call again: buffers that are its own are handed over as they are
   */
  buffers(once: boolean): { buffer: ArrayBuffer; length: number }[] {
    return this.#ranges.map(({ bytes, start, end, own }) => ({
      buffer: once && own ? bytes.buffer : bytes.buffer.slice(start, end),
      length: end - start,
    }));
  }

  get #ranges(): readonly Range[] {
    return this.#more === undefined ? [this.#first] : [this.#first, ...this.#more];
  }
}
