import type { BSON, BSONSerializeOptions } from 'mongodb';

/** The driver's options that change how a document is decoded, and our options that change its layout in memory. */
export type DecodeOptions = DriverDecodeOptions & {
  /** Each string is a copy of its own and keeps no block alive. */
  flatStrings?: boolean;
  /** Large nested documents and arrays are read on first access. */
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
 * How the worker encodes documents.
 *
 * - `tape`: as tape.
 * - `lazy`: as tape, with large fields that can be read later.
 * - `raw`: as their BSON, unchanged.
 */
export type EncodeMode = 'tape' | 'lazy' | 'raw';

/**
 * Returns the mode in which the worker must encode for these options. Only raw bytes and lazy fields need a mode of
 * their own. Main applies all other options while it reads the tape.
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

/** The options of BSON.deserialize that have the same name in the driver. */
const DESERIALIZE_OPTIONS = [
  'promoteLongs',
  'promoteValues',
  'promoteBuffers',
  'useBigInt64',
  'bsonRegExp',
  'raw',
  'fieldsAsRaw',
] as const;

/** The result type for int64. BSON.deserialize's rules are applied once for a whole chunk. */
export type LongForm = (typeof LONG_FORMS)[number];
const LONG_FORMS = ['number', 'Long', 'bigint'] as const;

/** The options that a compiled reader depends on, interpreted as BSON.deserialize does. */
export interface Promotion {
  /** Selects the compiled readers. All options with the same effect share the readers of one variant. */
  variant: number;
  wrapNumbers: boolean;
  longs: LongForm;
  bareBuffers: boolean;
  flatStrings: boolean;
}

export function promotionOf(options: DecodeOptions): Promotion {
  // JavaScript callers may pass any value. bson checks some options for truthiness and others for `true` itself.
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

/** Whether BSON.deserialize rejects these options, whatever the document. */
export function isContradictory(options: DecodeOptions): boolean {
  return (
    Boolean(options.useBigInt64) &&
    !((options.promoteValues ?? true) && (options.promoteLongs ?? true))
  );
}

/** The options in the form that decoding uses. */
export interface ResolvedOptions {
  readonly promotion: Promotion;
  readonly deserialize: BSON.DeserializeOptions;
  /** Whether BSON.deserialize throws for these options, whatever the document. */
  readonly refused: boolean;
}

/** The last options and their resolved form. Most calls use their collection's options, which are one object. */
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
