import type { BSON, BSONSerializeOptions } from 'mongodb';

/** The driver's options that change what a document decodes to, and ours that change how it lies in memory. */
export type DecodeOptions = DriverDecodeOptions & {
  /** Strings are copies of their own, and keep no block alive. */
  flatStrings?: boolean;
  /** Large nested documents and arrays are read when they are touched. */
  lazy?: boolean;
};

type DriverDecodeOptions = Pick<
  BSONSerializeOptions,
  | 'promoteLongs'
  | 'promoteValues'
  | 'promoteBuffers'
  | 'useBigInt64'
  | 'bsonRegExp'
  | 'raw'
  | 'fieldsAsRaw'
  | 'enableUtf8Validation'
  | 'ignoreUndefined'
>;

/**
 * `tape`: documents are taken apart in the worker. `lazy`: so that their costly fields can be read later. `raw`:
 * their BSON crosses as it is.
 */
export type EncodeMode = 'tape' | 'lazy' | 'raw';

/**
 * What the encoder must be told for these options. Everything but raw bytes can be had from the tape; main
 * decides while reading.
 */
export function encodeModeOf(options: DecodeOptions): EncodeMode {
  if (options.raw || hasRawFields(options)) return 'raw';
  return options.lazy === true ? 'lazy' : 'tape';
}

function hasRawFields(options: DecodeOptions): boolean {
  const fields = options.fieldsAsRaw;
  return fields != null && Object.keys(fields).length > 0;
}

/** Returns the options for BSON.deserialize, as the driver's cursors pass them. */
export function deserializeOptionsOf(options: DecodeOptions): BSON.DeserializeOptions {
  const deserialize: Record<string, unknown> = {
    validation: { utf8: options.enableUtf8Validation !== false },
  };
  const given: Record<string, unknown> = options;
  for (const name of DESERIALIZE_OPTIONS) {
    if (given[name] !== undefined) deserialize[name] = given[name];
  }
  return deserialize;
}

/** The options that BSON.deserialize takes by the name that the driver gives them. */
const DESERIALIZE_OPTIONS = [
  'promoteLongs',
  'promoteValues',
  'promoteBuffers',
  'useBigInt64',
  'bsonRegExp',
  'raw',
  'fieldsAsRaw',
] as const;

/** How int64 is given: BSON.deserialize's rules, decided once for a whole chunk. */
export type LongForm = (typeof LONG_FORMS)[number];
const LONG_FORMS = ['number', 'Long', 'bigint'] as const;

/** The part of the options that a compiled reader depends on, read as BSON.deserialize reads it. */
export interface Promotion {
  /** Selects the compiled readers: readers of one variant are shared by all options that come to the same. */
  variant: number;
  wrapNumbers: boolean;
  longs: LongForm;
  bareBuffers: boolean;
  flatStrings: boolean;
}

export function promotionOf(options: DecodeOptions): Promotion {
  // Programs in JavaScript pass what they like: bson asks some for truth and some for being `true` itself.
  const promoteValues: unknown = options.promoteValues ?? true;
  const wrapNumbers = promoteValues === false;
  const bareBuffers = Boolean(options.promoteBuffers && promoteValues);
  const longs = longFormOf(options, promoteValues === true);
  const flatStrings = options.flatStrings === true;
  const variant =
    LONG_FORMS.indexOf(longs) +
    LONG_FORMS.length * (Number(wrapNumbers) + 2 * Number(bareBuffers) + 4 * Number(flatStrings));
  return { variant, wrapNumbers, longs, bareBuffers, flatStrings };
}

function longFormOf(options: DecodeOptions, promoteValues: boolean): LongForm {
  if (options.useBigInt64) return 'bigint';
  return (options.promoteLongs ?? true) && promoteValues ? 'number' : 'Long';
}

/** Option sets that BSON.deserialize refuses, whatever the document. */
export function isContradictory(options: DecodeOptions): boolean {
  return (
    Boolean(options.useBigInt64) &&
    !((options.promoteValues ?? true) && (options.promoteLongs ?? true))
  );
}

/** What decoding needs of the options. */
export interface ResolvedOptions {
  readonly promotion: Promotion;
  readonly deserialize: BSON.DeserializeOptions;
  /** BSON.deserialize throws for them, whatever the document. */
  readonly refused: boolean;
}

/** Most calls decode with the options of their collection, which are one object. */
let last: { options: DecodeOptions; resolved: ResolvedOptions } | undefined;

export function resolvedOptions(options: DecodeOptions): ResolvedOptions {
  if (last?.options === options) return last.resolved;
  const resolved = {
    promotion: promotionOf(options),
    deserialize: deserializeOptionsOf(options),
    refused: !options.raw && isContradictory(options),
  };
  last = { options, resolved };
  return resolved;
}
