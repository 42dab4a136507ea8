/**
 * The tape: what a worker hands to the main thread in place of BSON. Both sides of the codec read this page.
 *
 * One chunk is one ArrayBuffer: a header of eight int32, then five sections, each written and read in
 * document order, so that neither side needs an offset for any value.
 *
 * | section  | element | holds |
 * |----------|---------|-------|
 * | doubles  | float64 | doubles, dates in ms (NaN is null), int64 within ±2^53 |
 * | ints     | int32   | int32, booleans, string lengths, array counts and runs, shape ids |
 * | blocks   | int32   | three a block: documents, characters in `narrow`, characters in `wide` |
 * | wide     | uint16  | strings with a character above U+00FF, as UTF-16 |
 * | narrow   | uint8   | all other strings, as Latin-1 |
 * | bytes    | uint8   | ObjectIds, binaries, and BSON that is left to BSON.deserialize |
 *
 * A document is its shape id, then what the shape leaves open, in the order of its fields. Shape 0 is a
 * document as it came: its length, then its BSON.
 */
export interface TapeChunk {
  /** Transfer it; and transfer it back when it was read, to be filled again. It may be longer than the chunk. */
  buffer: ArrayBuffer;
  /** The shapes that this chunk uses and its channel has not been sent before. */
  shapes?: ShapeDefinition[];
  /** The repeated strings that this chunk uses and its channel has not been sent before. */
  texts?: RepeatedText[];
  /** How many documents the chunk holds. */
  count: number;
  /**
   * The numbering of shapes and strings that the chunk follows; absent for the first one, 0. In another numbering the
   * same number may mean another shape, and each channel is sent all definitions again. On one channel it only grows.
   */
  epoch?: number;
}

/** A string that comes again and again: main keeps it by its number. */
export interface RepeatedText {
  /** From 1 on. */
  number: number;
  text: string;
}

/**
 * The fields of a document, nested documents included, in order: one `Kind` each, with `Kind.End` where a
 * document ends. Every kind except `End` takes the next key.
 */
export interface ShapeDefinition {
  id: number;
  /** Unique to the shape, and unchanged when the shape gets another id. */
  serial: number;
  kinds: number[];
  keys: string[];
}

/** How a value lies on the tape. Where BSON has one type for it, the number is BSON's. */
export const Kind = {
  /** The end of a document. */
  End: 0,
  /** doubles: the value. */
  Double: 1,
  /** ints: length in `narrow`, or -1 for null, or -2 - length in `wide`, or REPEATED - number of a RepeatedText. */
  String: 2,
  /** In a shape its fields follow. As an element ints: shape id (or 0, then as Rare); then its own tape. */
  Document: 3,
  /** ints: count or -1 for null; then runs of (kind, length) until the count is reached, each with its values. */
  Array: 4,
  /** ints: length, subtype. bytes: the content. Any subtype but 2. */
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
  /** ints: low, high. Below zero, like the next two, so that no type byte can be taken for it. */
  Int64: -1,
  /** ints: length. bytes: a BSON document {v: value} of that length. */
  Rare: -2,
  /** ints: the kind of this one value; then the value as an element of that kind. */
  Variant: -3,
  /**
   * A field that is read when it is touched. ints: LAZY_INTS numbers, see `Lazy`; then as Variant. Its strings lie
   * in `bytes`, after its own bytes, so that they are not part of a block.
   */
  Lazy: -4,
} as const;

/** Int32 indexes from a lazy field on: where its parts begin and end, from each section's beginning. */
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
/** Fields of one document that may be lazy. */
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

/** In a string slot: null, and the base from which lengths in `wide` count down. */
export const NULL_STRING = -1;
/** In a string slot: the base from which the numbers of repeated strings count down. No string is so long. */
export const REPEATED = -(2 ** 30);
export const NULL_BOOLEAN = 2;
export const NULL_ARRAY = -1;

/** Shape id of a document whose BSON is in `bytes`. */
export const RAW_SHAPE = 0;
