import { Header, HEADER_BYTES, LAZY_INTS, MOST_LAZY, TAPE_VERSION } from '../format/format';

/**
 * A section larger than this is released after its chunk, so that one huge document does not hold memory permanently.
 */
const KEEP_BYTES = 4 * 1024 * 1024;
const MOST_SPARES = 8;
const LARGEST_SPARE = 2 * 1024 * 1024;
/** A buffer below this size gets no extra room for later chunks. */
const SMALL = 32 * 1024;
/** Number of ints that a document may take in addition to its values: its shape id, and those of its lazy fields. */
const EXTRA_INTS = 16 + MOST_LAZY * (LAZY_INTS + 1);

/**
 * The sections of a chunk under construction, and how far each is filled. The encoder writes to them directly. Before
 * each document, `reserve` guarantees all the room that it can need.
 */
export class Sections {
  doubles = new Float64Array(1_024);
  ints = new Int32Array(16_384);
  wide = new Uint16Array(16_384);
  narrow = new Uint8Array(65_536);
  bytes = new Uint8Array(65_536);
  /** Used to copy words into `narrow`. */
  narrowView = new DataView(this.narrow.buffer);
  doubleCount = 0;
  intCount = 0;
  wideCount = 0;
  narrowCount = 0;
  byteCount = 0;

  /**
   * Makes room for a document of `size` bytes. An element takes at least two bytes in BSON, and on the tape at most one
   * int for each of these bytes. An element that takes a double has at least three bytes (a null date). Rare values
   * reserve the additional room that they need when they are written.
   */
  reserve(size: number): void {
    if (this.doubleCount + (size >> 1) + 8 > this.doubles.length) {
      this.doubles = copied(
        this.doubles,
        new Float64Array(room(this.doubleCount, (size >> 1) + 8)),
        this.doubleCount,
      );
    }
    if (this.intCount + size + EXTRA_INTS > this.ints.length) {
      this.ints = copied(
        this.ints,
        new Int32Array(room(this.intCount, size + EXTRA_INTS)),
        this.intCount,
      );
    }
    if (this.wideCount + size > this.wide.length) {
      this.wide = copied(this.wide, new Uint16Array(room(this.wideCount, size)), this.wideCount);
    }
    if (this.narrowCount + size + 8 > this.narrow.length) {
      this.narrow = copied(
        this.narrow,
        new Uint8Array(room(this.narrowCount, size + 8)),
        this.narrowCount,
      );
      this.narrowView = new DataView(this.narrow.buffer);
    }
    this.reserveBytes(size);
  }

  /**
   * Moves the text written since the two positions to the end of `bytes`, where it is not part of a block. The caller
   * must have reserved the room.
   */
  moveTextToBytes(narrowStart: number, wideStart: number): void {
    const { bytes, byteCount, narrow, narrowCount, wide, wideCount } = this;
    bytes.set(narrow.subarray(narrowStart, narrowCount), byteCount);
    const wideFrom = byteCount + narrowCount - narrowStart;
    const units = wide.subarray(wideStart, wideCount);
    bytes.set(new Uint8Array(units.buffer, units.byteOffset, units.byteLength), wideFrom);
    this.byteCount = wideFrom + units.byteLength;
    this.narrowCount = narrowStart;
    this.wideCount = wideStart;
  }

  reserveBytes(size: number): void {
    if (this.byteCount + size <= this.bytes.length) return;
    this.bytes = copied(this.bytes, new Uint8Array(room(this.byteCount, size)), this.byteCount);
  }

  /** Buffers that have been read, newest last. A new buffer would cost a page fault for every 4 KB. */
  readonly #spare: ArrayBuffer[] = [];

  recycle(buffer: ArrayBuffer): void {
    if (buffer.byteLength > LARGEST_SPARE) return;
    if (this.#spare.length === MOST_SPARES) this.#spare.shift();
    this.#spare.push(buffer);
  }

  /** Returns a spare buffer that is large enough but at most four times too large, else a new one. */
  #buffer(length: number): ArrayBuffer {
    for (let i = this.#spare.length - 1; i >= 0; i--) {
      const { byteLength } = this.#spare[i];
      if (byteLength >= length && byteLength <= 4 * length) return this.#spare.splice(i, 1)[0];
    }
    // The buffer is not zeroed, since every byte that is read is written first. It does not come from Node's pool, so
    // it can be transferred. It has some extra room, so that it also fits the next chunk.
    return Buffer.allocUnsafeSlow(length < SMALL ? length : length + (length >> 3)).buffer;
  }

  /** Packs all sections into one buffer, which may be longer than needed. The sections are empty afterwards. */
  pack(documents: number, blocks: readonly number[]): ArrayBuffer {
    const { doubleCount, intCount, wideCount, narrowCount, byteCount } = this;
    const int32s = intCount + blocks.length;
    const buffer = this.#buffer(
      HEADER_BYTES + doubleCount * 8 + int32s * 4 + wideCount * 2 + narrowCount + byteCount,
    );
    const header = new Int32Array(buffer, 0, HEADER_BYTES / 4);
    header[Header.Version] = TAPE_VERSION;
    header[Header.Documents] = documents;
    header[Header.Doubles] = doubleCount;
    header[Header.Ints] = intCount;
    header[Header.Blocks] = blocks.length;
    header[Header.Wide] = wideCount;
    header[Header.Narrow] = narrowCount;
    header[Header.Bytes] = byteCount;
    let at = HEADER_BYTES;
    new Float64Array(buffer, at, doubleCount).set(this.doubles.subarray(0, doubleCount));
    at += doubleCount * 8;
    const ints = new Int32Array(buffer, at, int32s);
    ints.set(this.ints.subarray(0, intCount));
    ints.set(blocks, intCount);
    at += int32s * 4;
    new Uint16Array(buffer, at, wideCount).set(this.wide.subarray(0, wideCount));
    at += wideCount * 2;
    const bytes = new Uint8Array(buffer, at, narrowCount + byteCount);
    bytes.set(this.narrow.subarray(0, narrowCount));
    bytes.set(this.bytes.subarray(0, byteCount), narrowCount);
    this.#clear();
    return buffer;
  }

  #clear(): void {
    this.doubleCount = this.intCount = this.wideCount = this.narrowCount = this.byteCount = 0;
    if (this.doubles.byteLength > KEEP_BYTES) this.doubles = new Float64Array(1_024);
    if (this.ints.byteLength > KEEP_BYTES) this.ints = new Int32Array(16_384);
    if (this.wide.byteLength > KEEP_BYTES) this.wide = new Uint16Array(16_384);
    if (this.narrow.byteLength > KEEP_BYTES) {
      this.narrow = new Uint8Array(65_536);
      this.narrowView = new DataView(this.narrow.buffer);
    }
    if (this.bytes.byteLength > KEEP_BYTES) this.bytes = new Uint8Array(65_536);
  }
}

/** Returns the capacity for `more` elements after `filled` ones, with extra room of at least half of `filled`. */
function room(filled: number, more: number): number {
  return filled + more + (filled >> 1) + 1_024;
}

function copied<T extends { set(from: T): void; subarray(start: number, end: number): T }>(
  from: T,
  to: T,
  filled: number,
): T {
  to.set(from.subarray(0, filled));
  return to;
}
