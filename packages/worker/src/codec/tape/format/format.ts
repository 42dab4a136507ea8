/**
 * A chunk of tape. A worker sends tape to the main thread instead of BSON. Both sides of the codec follow this
 * description.
 *
 * One chunk is one ArrayBuffer: a header of eight int32, then six sections. Both sides process each section in document
 * order, so no value needs an offset.
 *
 * | section  | element | contents |
 * |----------|---------|----------|
 * | doubles  | float64 | doubles, dates in ms (NaN is null), int64 within ±2^53 |
 * | ints     | int32   | int32, booleans, string lengths, array counts and runs, shape ids |
 * | blocks   | int32   | three per block: documents, characters in `narrow`, characters in `wide` |
 * | wide     | uint16  | strings with a character above U+00FF, as UTF-16 |
 * | narrow   | uint8   | all other strings, as Latin-1 |
 * | bytes    | uint8   | ObjectIds, binaries, and BSON that is left to BSON.deserialize |
 *
 * A document is its shape id, then the values that the shape does not fix, in the order of its fields. Shape 0 is a
 * document that crosses as BSON: its length, then its bytes.
 */
export interface TapeChunk {
  /** The sender transfers it, and the reader transfers it back to be filled again. It may be longer than the chunk. */
  buffer: ArrayBuffer;
  /** The shapes that this chunk uses and that its channel has not received before. */
  shapes?: ShapeDefinition[];
  /** The repeated strings that this chunk uses and that its channel has not received before. */
  texts?: RepeatedText[];
  /** Number of documents in the chunk. */
  count: number;
  /**
   * The version of the numbering of shapes and strings in this chunk. Absent for the first one, 0. In another epoch,
   * the same number may mean another shape, and each channel receives all definitions again. On one channel it only
   * grows.
   */
  epoch?: number;
}

/** A string that occurs often. Main keeps it under its number. */
export interface RepeatedText {
  /** Starts at 1. */
  number: number;
  text: string;
}

/**
 * The fields of a document, including those of nested documents, in order. `kinds` has one `Kind` for each, and
 * `Kind.End` at each document's end. Every kind except `End` takes the next key.
 */
export interface ShapeDefinition {
  id: number;
  /** Unique to the shape. It stays the same when the shape gets another id. */
  serial: number;
  kinds: number[];
  keys: string[];
}

/** How a value is stored on the tape. If BSON has a single type for it, the number is BSON's type. */
export const Kind = {
  /** The end of a document. */
  End: 0,
  /** doubles: the value. */
  Double: 1,
  /** ints: length in `narrow`; or -1 for null; or -2 - length in `wide`; or REPEATED - number of a RepeatedText. */
  String: 2,
  /** In a shape: its fields follow. As an element, ints: shape id, then its own tape; or 0, then as Rare. */
  Document: 3,
  /** ints: count or -1 for null; then runs of (kind, length) until the count is reached, each with its values. */
  Array: 4,
  /** ints: length, subtype. bytes: the content. Subtype 2 is Rare instead. */
  Binary: 5,
  /** bytes: 12. */
  ObjectId: 7,
  /** ints: 0, 1, or 2 for null. */
  Boolean: 8,
  /** doubles: milliseconds, or NaN for null. */
  Date: 9,
  Null: 10,
  /** ints: the value. */
  Int32: 16,
  /** ints: increment, time. */
  Timestamp: 17,
  /** doubles: the value, within ±2^53. */
  SafeInt64: 18,
  /** bytes: 16. */
  Decimal128: 19,
  /** ints: low, high. This kind and the next three are negative, so that no type byte equals them. */
  Int64: -1,
  /** ints: length. bytes: a BSON document {v: value} of that length. */
  Rare: -2,
  /** ints: the kind of this one value; then the value as an element of that kind. */
  Variant: -3,
  /**
   * A field that is read on first access. ints: LAZY_INTS numbers, see `Lazy`; then as Variant. Its strings are in
   * `bytes`, after its own bytes, so that they are not part of a block.
   */
  Lazy: -4,
} as const;

/**
 * Indexes into the LAZY_INTS numbers of a lazy field. These numbers are the starts and ends of its parts, each relative
 * to the start of its section.
 */
export const Lazy = {
  IntEnd: 0,
  DoubleStart: 1,
  DoubleEnd: 2,
  ByteStart: 3,
  NarrowStart: 4,
  WideStart: 5,
  ByteEnd: 6,
} as const;
export const LAZY_INTS = 7;
/** Most lazy fields in one document. */
export const MOST_LAZY = 16;

/** Int32 indexes of the header. */
export const Header = {
  Version: 0,
  Documents: 1,
  Doubles: 2,
  Ints: 3,
  Blocks: 4,
  Wide: 5,
  Narrow: 6,
  Bytes: 7,
} as const;
export const HEADER_BYTES = 32;
export const TAPE_VERSION = 2;

/** In a string slot: null. */
export const NULL_STRING = -1;
/**
 * In a string slot: the base from which the numbers of repeated strings count down. No string in `wide` is long enough
 * to reach it.
 */
export const REPEATED = -(2 ** 30);
export const NULL_BOOLEAN = 2;
export const NULL_ARRAY = -1;

/** Shape id of a document whose BSON is in `bytes`. */
export const RAW_SHAPE = 0;
