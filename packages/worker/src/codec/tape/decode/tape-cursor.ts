import {
  Binary,
  BSON,
  Decimal128,
  Double,
  Int32,
  Long,
  Timestamp,
  UUID,
  type Document,
} from 'mongodb';

import { resolvedOptions, type DecodeOptions, type Promotion } from '../format/decode-options';
import {
  Header,
  HEADER_BYTES,
  Kind,
  Lazy,
  LAZY_INTS,
  NULL_ARRAY,
  NULL_BOOLEAN,
  NULL_STRING,
  RAW_SHAPE,
  REPEATED,
  TAPE_VERSION,
} from '../format/format';
import type { LazySource } from './lazy-fields';
import { readObjectId } from '../../bson/object-id';

/** Reads one document of a shape. The shape id has already been read. */
export type ShapeReader = (cursor: TapeCursor) => Document;

/** Readers by shape id, for one variant of the options. They are created on demand. */
export interface ReaderTable {
  readonly readers: ShapeReader[];
  /** Adds the reader of a shape that has none yet to `readers`. */
  add(shape: number): ShapeReader;
}

/** Returns the readers for a variant of the options. */
export type TableOf = (promotion: Promotion) => ReaderTable;

/** From this size on, copying a binary costs more than keeping its chunk alive. */
const LARGE_BINARY = 4_096;

/** V8 copies a substring below this length. A longer one is a slice, which keeps its source alive. */
export const SLICED_FROM = 13;

/** Templates of arrays, each of another one of V8's elements kinds. */
const MOST_PRESIZED = 256;
const ZEROS: unknown[] = Array.from({ length: MOST_PRESIZED }, () => 0);
const HALVES: unknown[] = Array.from({ length: MOST_PRESIZED }, () => 0.5);
const NULLS: unknown[] = Array.from({ length: MOST_PRESIZED }, () => null);

const NO_DOUBLES = new Float64Array(0);

const EMPTY_DOCUMENT = Uint8Array.of(5, 0, 0, 0, 0);

/**
 * A chunk, and how far it has been read: one position per section. Whatever reads from a section advances its position.
 * The fields are public because the compiled readers copy them into locals while they read a document.
 */
export class TapeCursor implements LazySource {
  readonly doubles: Float64Array;
  readonly ints: Int32Array;
  readonly bytes: Buffer;
  /** The strings of the current block, and the position in each. */
  narrow = '';
  wide = '';
  narrowAt = 0;
  wideAt = 0;
  /** Where the strings of the current block start in `bytes`. */
  narrowStart = 0;
  wideStart = 0;
  doubleAt = 0;
  intAt = 0;
  byteAt = 0;
  /** Where the section named `bytes` starts in the field `bytes`, which is the whole chunk. */
  readonly byteBase: number;

  table!: ReaderTable;
  promotion!: Promotion;
  readonly documents: number;
  #deserializeOptions!: BSON.DeserializeOptions;
  /** Options for values within a document. To get past them, they are read even if the options are refused. */
  #valueOptions!: BSON.DeserializeOptions;
  #rawBuffers = false;
  #refused = false;
  #blockAt: number;
  #blockLeft = 0;
  /** Where the next block's strings start in `bytes`. */
  #nextNarrow: number;
  #nextWide: number;
  /** Whether a document may refer to the chunk's buffer. */
  isKept = false;
  readonly #chunk: ArrayBuffer;
  /** Repeated strings by their numbers. */
  readonly texts: readonly (string | undefined)[];
  #options!: DecodeOptions;
  #tableOf!: TableOf;
  #lazySource: TapeCursor | undefined;

  constructor(chunk: ArrayBuffer, texts: readonly (string | undefined)[]) {
    this.#chunk = chunk;
    this.texts = texts;
    const header = new Int32Array(chunk, 0, HEADER_BYTES / 4);
    if (header[Header.Version] !== TAPE_VERSION) {
      throw new Error(
        `The chunk has format version ${header[Header.Version]}, but this release reads version ${TAPE_VERSION}: ` +
          'the worker and the main thread run different releases',
      );
    }
    this.documents = header[Header.Documents];
    let at = HEADER_BYTES;
    const doubles = header[Header.Doubles];
    this.doubles = doubles === 0 ? NO_DOUBLES : new Float64Array(chunk, at, doubles);
    at += doubles * 8;
    this.ints = new Int32Array(chunk, at, header[Header.Ints] + header[Header.Blocks]);
    this.#blockAt = header[Header.Ints];
    at += this.ints.byteLength;
    this.bytes = Buffer.from(chunk);
    this.#nextWide = at;
    this.#nextNarrow = at + header[Header.Wide] * 2;
    this.byteAt = this.byteBase = this.#nextNarrow + header[Header.Narrow];
  }

  setOptions(options: DecodeOptions, tableOf: TableOf): void {
    this.#options = options;
    this.#tableOf = tableOf;
    this.#lazySource = undefined;
    const resolved = resolvedOptions(options);
    this.promotion = resolved.promotion;
    this.table = tableOf(this.promotion);
    this.#deserializeOptions = resolved.deserialize;
    this.#rawBuffers = Boolean(options.raw);
    this.#refused = resolved.refused;
    this.#valueOptions = this.#refused ? {} : this.#deserializeOptions;
  }

  /** Returns the next document of the chunk. The caller must know that there is one. */
  nextDocument(): Document {
    if (this.#blockLeft === 0) this.#openBlock();
    this.#blockLeft--;
    const shape = this.ints[this.intAt++];
    if (shape === RAW_SHAPE) return this.#rawDocument();
    const document = (this.table.readers[shape] ?? this.table.add(shape))(this);
    if (this.#refused) throw this.#refusal();
    return document;
  }

  #openBlock(): void {
    this.#blockLeft = this.ints[this.#blockAt];
    const narrowEnd = this.#nextNarrow + this.ints[this.#blockAt + 1];
    const wideEnd = this.#nextWide + this.ints[this.#blockAt + 2] * 2;
    this.#blockAt += 3;
    this.narrow = this.bytes.toString('latin1', this.#nextNarrow, narrowEnd);
    this.wide =
      wideEnd === this.#nextWide ? '' : this.bytes.toString('utf16le', this.#nextWide, wideEnd);
    this.narrowStart = this.#nextNarrow;
    this.wideStart = this.#nextWide;
    this.#nextNarrow = narrowEnd;
    this.#nextWide = wideEnd;
    this.narrowAt = this.wideAt = 0;
  }

  #rawDocument(): Document {
    const length = this.ints[this.intAt++];
    // bson's binaries and raw documents are views of the chunk.
    this.isKept = true;
    const bytes = this.bytes.subarray(this.byteAt, (this.byteAt += length));
    return this.#rawBuffers ? bytes : BSON.deserialize(bytes, this.#deserializeOptions);
  }

  #refusal(): unknown {
    try {
      BSON.deserialize(EMPTY_DOCUMENT, this.#deserializeOptions);
    } catch (error) {
      return error;
    }
    return new Error('BSON.deserialize accepted options that it was expected to reject');
  }

  /** Returns the string of a slot that is not a length in `narrow`. */
  otherString(slot: number): string | null {
    if (slot === NULL_STRING) return null;
    if (slot < REPEATED) return this.texts[REPEATED - slot] ?? this.unknownText(slot);
    const from = this.wideAt;
    const to = (this.wideAt += -2 - slot);
    if (this.promotion.flatStrings && to - from >= SLICED_FROM)
      return this.bytes.toString('utf16le', this.wideStart + 2 * from, this.wideStart + 2 * to);
    return this.wide.substring(from, to);
  }

  unknownText(slot: number): never {
    throw new Error(
      `The chunk uses repeated string ${REPEATED - slot}, but its channel has not received the definition`,
    );
  }

  readString(): string | null {
    const slot = this.ints[this.intAt++];
    if (slot < 0) return this.otherString(slot);
    const from = this.narrowAt;
    const to = (this.narrowAt += slot);
    if (slot >= SLICED_FROM && this.promotion.flatStrings)
      return this.bytes.toString('latin1', this.narrowStart + from, this.narrowStart + to);
    return this.narrow.substring(from, to);
  }

  readArray(): unknown[] | null {
    const count = this.ints[this.intAt++];
    return count === 0 ? [] : this.elements(count);
  }

  /** Reads the elements of an array. Its count has already been read. */
  elements(count: number): unknown[] | null {
    if (count === NULL_ARRAY) return null;
    const { ints } = this;
    const only = ints[this.intAt + 1] === count && count <= MOST_PRESIZED;
    if (only && count <= 2) return this.#oneOrTwo(count);
    const array = only ? this.#presized(ints[this.intAt], count) : [];
    let filled = 0;
    while (filled < count) {
      const kind = ints[this.intAt];
      const length = ints[this.intAt + 1];
      this.intAt += 2;
      // This cannot happen, but a tape that is read from a wrong position must not fill the memory.
      if (!(length > 0 && length <= count - filled))
        throw new Error('The tape is corrupt: the length of a run is invalid');
      this.#run(kind, array, filled, (filled += length));
    }
    return array;
  }

  /**
   * Reads one or two elements, as most non-empty arrays have. Literals cost a third of cutting and filling a template.
   */
  #oneOrTwo(count: number): unknown[] {
    const { doubles, ints, promotion } = this;
    const kind = ints[this.intAt];
    const at = (this.intAt += 2);
    // Each of V8's elements kinds has its own literal. One literal for several would get the most general kind.
    if (kind === Kind.Int32 && !promotion.wrapNumbers) {
      this.intAt += count;
      return count === 1 ? [ints[at]] : [ints[at], ints[at + 1]];
    }
    if (kind === Kind.Double && !promotion.wrapNumbers) {
      const from = this.doubleAt;
      this.doubleAt += count;
      return count === 1 ? [doubles[from]] : [doubles[from], doubles[from + 1]];
    }
    const first = kind === Kind.Document ? this.readDocument() : this.readValue(kind);
    if (count === 1) return [first];
    return [first, kind === Kind.Document ? this.readDocument() : this.readValue(kind)];
  }

  /**
   * Returns an array of exact size, and of the elements kind that V8 would choose. An array that grows by `push` starts
   * with room for 17 elements, so a pair of numbers takes 160 bytes instead of 64.
   */
  #presized(kind: number, count: number): unknown[] {
    if (this.promotion.wrapNumbers) return NULLS.slice(0, count);
    if (kind === Kind.Int32) return ZEROS.slice(0, count);
    return (kind === Kind.Double ? HALVES : NULLS).slice(0, count);
  }

  #run(kind: number, array: unknown[], from: number, to: number): void {
    const { doubles, ints, promotion } = this;
    if (kind === Kind.Double && !promotion.wrapNumbers) {
      for (let i = from; i < to; i++) array[i] = doubles[this.doubleAt++];
    } else if (kind === Kind.Int32 && !promotion.wrapNumbers) {
      for (let i = from; i < to; i++) array[i] = ints[this.intAt++];
    } else if (kind === Kind.String) {
      for (let i = from; i < to; i++) array[i] = this.readString();
    } else if (kind === Kind.Document) {
      for (let i = from; i < to; i++) array[i] = this.readDocument();
    } else {
      for (let i = from; i < to; i++) array[i] = this.readValue(kind);
    }
  }

  /** Reads a document that is an element. */
  readDocument(): unknown {
    const shape = this.ints[this.intAt++];
    if (shape === RAW_SHAPE) return this.readRare();
    return (this.table.readers[shape] ?? this.table.add(shape))(this);
  }

  readVariant(): unknown {
    return this.readValue(this.ints[this.intAt++]);
  }

  /** Returns the source from which lazy fields are read later. It is a cursor of its own, since this one moves on. */
  lazySource(): LazySource {
    this.isKept = true;
    if (this.#lazySource === undefined) {
      this.#lazySource = new TapeCursor(this.#chunk, this.texts);
      this.#lazySource.setOptions(this.#options, this.#tableOf);
    }
    return this.#lazySource;
  }

  /** Skips a lazy field, and returns its position. */
  skipLazy(): number {
    const at = this.intAt;
    this.intAt = this.ints[at + Lazy.IntEnd];
    this.doubleAt = this.ints[at + Lazy.DoubleEnd];
    this.byteAt = this.byteBase + this.ints[at + Lazy.ByteEnd];
    return at;
  }

  /** Reads the value of a lazy field. */
  readLazy(at: number): unknown {
    const { ints, bytes, byteBase } = this;
    const [narrowStart, wideStart] = [ints[at + Lazy.NarrowStart], ints[at + Lazy.WideStart]];
    this.intAt = at + LAZY_INTS;
    this.doubleAt = ints[at + Lazy.DoubleStart];
    this.byteAt = byteBase + ints[at + Lazy.ByteStart];
    this.narrowStart = byteBase + narrowStart;
    this.wideStart = byteBase + wideStart;
    const wideEnd = byteBase + ints[at + Lazy.ByteEnd];
    this.narrow = bytes.toString('latin1', this.narrowStart, this.wideStart);
    this.wide = bytes.toString('utf16le', this.wideStart, wideEnd);
    this.narrowAt = this.wideAt = 0;
    const value = this.readVariant();
    this.narrow = this.wide = '';
    return value;
  }

  /** Reads a value of any kind except End and Lazy, as an element. */
  readValue(kind: number): unknown {
    switch (kind) {
      case Kind.Double: {
        const value = this.doubles[this.doubleAt++];
        return this.promotion.wrapNumbers ? new Double(value) : value;
      }
      case Kind.String:
        return this.readString();
      case Kind.Document:
        return this.readDocument();
      case Kind.Array:
        return this.readArray();
      case Kind.Binary:
        return this.readBinary();
      case Kind.ObjectId:
        return readObjectId(this.bytes, (this.byteAt += 12) - 12);
      case Kind.Boolean: {
        const value = this.ints[this.intAt++];
        return value === NULL_BOOLEAN ? null : value === 1;
      }
      case Kind.Date: {
        const value = this.doubles[this.doubleAt++];
        return Number.isNaN(value) ? null : new Date(value);
      }
      case Kind.Null:
        return null;
      case Kind.Int32: {
        const value = this.ints[this.intAt++];
        return this.promotion.wrapNumbers ? new Int32(value) : value;
      }
      case Kind.Timestamp:
        return this.readTimestamp();
      case Kind.SafeInt64: {
        const value = this.doubles[this.doubleAt++];
        return this.promotion.longs === 'number' ? value : this.longOf(value);
      }
      case Kind.Int64:
        return this.readInt64();
      case Kind.Decimal128:
        return this.readDecimal128();
      case Kind.Rare:
        return this.readRare();
      default:
        throw new Error(
          `The tape contains a value of kind ${kind}, which this release does not support`,
        );
    }
  }

  /** Returns an int64 that a double holds exactly, if it must not become a number. */
  longOf(value: number): Long | bigint {
    return this.promotion.longs === 'bigint' ? BigInt(value) : Long.fromNumber(value);
  }

  readInt64(): number | bigint | Long {
    const low = this.ints[this.intAt];
    const high = this.ints[this.intAt + 1];
    this.intAt += 2;
    if (this.promotion.longs === 'bigint') return (BigInt(high) << 32n) + BigInt(low >>> 0);
    if (this.promotion.longs === 'number' && fitsNumber(low, high))
      return high * 4294967296 + (low >>> 0);
    return new Long(low, high);
  }

  readTimestamp(): Timestamp {
    const i = this.ints[this.intAt] >>> 0;
    const t = this.ints[this.intAt + 1] >>> 0;
    this.intAt += 2;
    return new Timestamp({ t, i });
  }

  readDecimal128(): Decimal128 {
    const bytes = Buffer.allocUnsafe(16);
    this.bytes.copy(bytes, 0, this.byteAt, (this.byteAt += 16));
    return new Decimal128(bytes);
  }

  readBinary(): Binary | Buffer {
    const length = this.ints[this.intAt];
    const subtype = this.ints[this.intAt + 1];
    this.intAt += 2;
    const view = this.bytes.subarray(this.byteAt, (this.byteAt += length));
    // A copy does not keep the chunk alive. A large binary is worth keeping it, just as the driver keeps its reply.
    const own = length < LARGE_BINARY ? Buffer.from(view) : view;
    if (own === view) this.isKept = true;
    if (this.promotion.bareBuffers) return own;
    return subtype === Binary.SUBTYPE_UUID && length === 16
      ? new UUID(own)
      : new Binary(own, subtype);
  }

  readRare(): unknown {
    const length = this.ints[this.intAt++];
    this.isKept = true;
    const bytes = this.bytes.subarray(this.byteAt, (this.byteAt += length));
    return BSON.deserialize(bytes, this.#valueOptions).v;
  }
}

/** Whether an int64 is within ±2^53, bounds included. */
function fitsNumber(low: number, high: number): boolean {
  return (high >= -0x200000 && high < 0x200000) || (high === 0x200000 && low === 0);
}
