import { encodeModeOf } from '@mongo-offload/worker/codec';
import { CallFlag } from '@mongo-offload/worker/protocol';
import {
  ReadConcern,
  ReadPreference,
  WriteConcern,
  type BSON,
  type BSONSerializeOptions,
  type Document,
} from 'mongodb';

import { readingOptionsOf, type ResolvedReadingOptions } from '../options';

/**
 * Options that the driver's operations read. Applications also pass others: their own, functions, symbols, whole
 * library objects. The driver never reads those, so they are not sent to the worker.
 */
const KNOWN = new Set([
  // every operation
  'readPreference',
  'readConcern',
  'writeConcern',
  'w',
  'j',
  'wtimeout',
  'wtimeoutMS',
  'journal',
  'fsync',
  'collation',
  'comment',
  'maxTimeMS',
  'explain',
  'dbName',
  'authdb',
  'rawData',
  'willRetryWrite',
  'bypassPinningCheck',
  'omitMaxTimeMS',
  'checkKeys',
  'ignoreUndefined',
  'serializeFunctions',
  'enableUtf8Validation',
  // the driver computes some results from the reply with these
  'promoteValues',
  'promoteLongs',
  'promoteBuffers',
  'useBigInt64',
  'bsonRegExp',
  'fieldsAsRaw',
  'raw',
  // reads
  'limit',
  'skip',
  'sort',
  'hint',
  'projection',
  'batchSize',
  'singleBatch',
  'allowDiskUse',
  'let',
  'min',
  'max',
  'returnKey',
  'showRecordId',
  'tailable',
  'awaitData',
  'maxAwaitTimeMS',
  'noCursorTimeout',
  'oplogReplay',
  'allowPartialResults',
  'exhaust',
  'partial',
  'cursor',
  'bypassDocumentValidation',
  'out',
  'timeout',
  // writes
  'upsert',
  'arrayFilters',
  'ordered',
  'forceServerObjectId',
  'includeResultMetadata',
  'returnDocument',
  'verboseResults',
  'new',
  'multi',
  // collections, indexes, databases
  'nameOnly',
  'filter',
  'authorizedCollections',
  'authorizedDatabases',
  'dropTarget',
  'encryptedFields',
  'scale',
  'full',
  'background',
  'name',
  'commitQuorum',
  'key',
  'getMoreOptions',
  'findModifiers',
  'countOptions',
]);

/** Those of them that may also describe an index. */
const OF_INDEXES_TOO = new Set(['background', 'collation', 'min', 'max']);

const BSON_DECODING = [
  'promoteValues',
  'promoteLongs',
  'promoteBuffers',
  'useBigInt64',
  'bsonRegExp',
  'fieldsAsRaw',
  'raw',
  'enableUtf8Validation',
] as const;

/**
 * Whether unknown options are sent to the worker too. True if the driver passes them on to the server
 * (`createCollection`); `'ofIndex'` if they may describe an index: the driver uses those that it knows.
 */
export type OpenOptions = boolean | 'ofIndex';

/** Our own options, which the driver does not know. */
const OURS = new Set(['offload', 'deadlineMS']);

/**
 * Returns the options of an operation without our own, for the driver.
 *
 * @param open - whether the driver passes unknown options on to the server; the signal is then left out as well
 */
export function withoutOurs(options: Document, open: boolean): Document {
  if (typeof options !== 'object') return options;
  if (!('offload' in options || 'deadlineMS' in options || (open && 'signal' in options))) {
    return options;
  }
  const rest = { ...options };
  delete rest.offload;
  delete rest.deadlineMS;
  if (open) delete rest.signal;
  return rest;
}

/**
 * Returns the options of an operation that are sent to the worker: those that the driver reads. BSON may be unable to
 * hold them: see `encodeArguments`.
 */
export function crossingOptions(
  options: Document | undefined,
  open: OpenOptions,
): Document | undefined {
  if (options === undefined || options === null) return undefined;
  let crossing: Document | undefined;
  for (const key in options) {
    const value: unknown = options[key];
    if (value === undefined && !(open === 'ofIndex' && describesIndex(key))) continue;
    if (key === 'session' || key === 'signal' || key === 'timeoutContext' || key === 'timeoutMS')
      continue;
    if (OURS.has(key)) continue;
    if (open === false && !KNOWN.has(key)) continue;
    (crossing ??= {})[key] = plain(key, value);
  }
  return crossing;
}

/**
 * Returns whether the driver copies an option into the description of an index, even if it is undefined. The server
 * then receives null, and refuses it.
 */
function describesIndex(key: string): boolean {
  return !KNOWN.has(key) || OF_INDEXES_TOO.has(key);
}

/** Returns whether the server may get documents as encoded here. With `checkKeys`, the driver must check them first. */
export function mayBeBytes(options: Document | undefined): boolean {
  return options?.checkKeys !== true;
}

/** Converts an instance of one of the driver's classes to the plain value that the driver accepts too. */
function plain(key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (key === 'readPreference' && value instanceof ReadPreference) return value.toJSON();
  if (key === 'readConcern' && value instanceof ReadConcern) return { level: value.level };
  if (key === 'writeConcern' && value instanceof WriteConcern) return plainWriteConcern(value);
  return value;
}

function plainWriteConcern(writeConcern: WriteConcern): Document {
  const crossing: Document = {};
  for (const key of ['w', 'wtimeoutMS', 'wtimeout', 'journal', 'j', 'fsync']) {
    const value: unknown = (writeConcern as Document)[key];
    if (value !== undefined) crossing[key] = value;
  }
  return crossing;
}

/** The BSON options with which the results of an operation are decoded. */
export interface Decoding extends BSONSerializeOptions, ResolvedReadingOptions {
  /** Whether the fast path (the tape) gives exactly what these options ask for. */
  onTape: boolean;
  /** Whether all values have the types that they have by default. */
  plain: boolean;
}

/**
 * Resolved options, by the options object of a collection or database. An entry holds only for the client's defaults
 * with which it was resolved.
 */
const resolved = new WeakMap<
  BSONSerializeOptions,
  { decoding: Decoding; defaults: ResolvedReadingOptions }
>();
const NOTHING: BSONSerializeOptions = {};

/** Returns the decoding options of an operation. Its own options override those of its collection or database. */
export function decoding(
  options: Document | undefined,
  parent: BSONSerializeOptions | undefined,
  defaults: ResolvedReadingOptions,
): Decoding {
  const reading = readingOptionsOf(options, defaults);
  if (
    options !== undefined &&
    options !== null &&
    (reading !== undefined || BSON_DECODING.some((key) => options[key] != null))
  ) {
    return resolve({ ...parent, ...present(options) }, reading ?? defaults);
  }
  parent ??= NOTHING;
  let known = resolved.get(parent);
  if (known?.defaults !== defaults) {
    resolved.set(parent, (known = { decoding: resolve(parent, defaults), defaults }));
  }
  return known.decoding;
}

function present(options: Document): Document {
  const own: Document = {};
  for (const key of BSON_DECODING) if (options[key] != null) own[key] = options[key] as unknown;
  return own;
}

function resolve(
  options: BSONSerializeOptions,
  { flatStrings, lazy }: ResolvedReadingOptions,
): Decoding {
  const {
    promoteValues = true,
    promoteLongs = true,
    promoteBuffers = false,
    useBigInt64 = false,
  } = options;
  const { bsonRegExp = false, fieldsAsRaw, enableUtf8Validation = true } = options;
  const raw = Boolean(options.raw);
  return {
    promoteValues,
    promoteLongs,
    promoteBuffers,
    useBigInt64,
    bsonRegExp,
    raw,
    fieldsAsRaw,
    enableUtf8Validation,
    flatStrings,
    lazy,
    onTape: encodeModeOf(options) === 'tape',
    plain: !raw && promoteValues && promoteLongs && !promoteBuffers && !useBigInt64 && !bsonRegExp,
  };
}

/** Returns the CallFlags of a call whose documents arrive on the tape. */
export function tapeFlags({ lazy }: Decoding): number {
  return lazy ? CallFlag.tape | CallFlag.lazy : CallFlag.tape;
}

/** Returns the BSON options with which the documents inside an error are decoded. */
export function errorDecoding(decoding: Decoding | undefined): BSON.DeserializeOptions {
  if (decoding === undefined) return {};
  const { promoteValues, promoteLongs, promoteBuffers, useBigInt64, bsonRegExp } = decoding;
  return { promoteValues, promoteLongs, promoteBuffers, useBigInt64, bsonRegExp };
}
