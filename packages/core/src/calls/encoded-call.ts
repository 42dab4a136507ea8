/** From this size in bytes on, a call's buffer is transferred to the worker instead of copied. */
export const LARGE = 65_536;

/** Bytes in a buffer. */
interface Range {
  readonly bytes: Buffer<ArrayBuffer>;
  readonly start: number;
  readonly end: number;
  /** Whether the buffer holds nothing else, and never will. */
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

  /** Whether some of its buffers were transferred, so that it cannot be sent again. */
  get isGone(): boolean {
    return this.#ranges.some(({ bytes }) => bytes.length === 0);
  }

  /** Copies all bytes to the position `at` of the target. */
  copyTo(target: Buffer, at: number): void {
    for (const { bytes, start, end } of this.#ranges) {
      bytes.copy(target, at, start, end);
      at += end - start;
    }
  }

  /**
   * Returns the bytes as transferable buffers, each with the number of bytes that are in use.
   *
   * @param once - whether the call is not needed again. Buffers that hold nothing else are then not copied.
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
