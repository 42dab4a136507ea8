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
 * Options that the driver's operations read. Programs pass others along (their own, functions,
 * symbols, whole objects of a library's); the driver never looks at those, and they stay here.
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
  // the driver computes some results from the reply under these
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

/** Of those, what may describe an index as well. */
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
 * Whether unknown options cross as well: true if the driver passes them on to the server (`createCollection`),
 * `'ofIndex'` if they may describe an index, of which the driver takes those that it knows.
 */
export type OpenOptions = boolean | 'ofIndex';

/** Options of ours, which the driver does not know. */
const OURS = new Set(['offload', 'deadlineMS']);

/**
 * The options of an operation as the driver may see them.
 *
 * @param open - the driver passes unknown options on to the server, so the signal must not be among them
 */
export function withoutOurs(options: Document, open: boolean): Document {
  if (typeof options !== 'object') return options;
  if (!('offload' in options || 'deadlineMS' in options || (open && 'signal' in options))) {
    return options;
  }
  const { offload: _, deadlineMS: __, ...rest } = options;
  if (open) delete rest.signal;
  return rest;
}

/**
 * Returns the options of an operation that cross: those that the driver reads. BSON may be unable to hold them: see
 * `encodeArguments`.
 *
 * @param open - whether options that are not known here cross too
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

/** The driver takes such an option over as it is: where it is undefined, the server is sent null, and refuses it. */
function describesIndex(key: string): boolean {
  return !KNOWN.has(key) || OF_INDEXES_TOO.has(key);
}

/** Whether documents may go to the server as they were encoded here: what `checkKeys` asks for is the driver's to do. */
export function mayBeBytes(options: Document | undefined): boolean {
  return options?.checkKeys !== true;
}

/** The driver's own classes cross as the plain values that it takes as well. */
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

/** BSON options with which a result of this operation is decoded. */
export interface Decoding extends BSONSerializeOptions, ResolvedReadingOptions {
  /** Whether the fast path (the tape) gives exactly what these options ask for. */
  onTape: boolean;
  /** Whether everything comes as it does by default. */
  plain: boolean;
}

/** For the options of a collection or database, which are its own; with the client's defaults that they were met with. */
const resolved = new WeakMap<
  BSONSerializeOptions,
  { decoding: Decoding; defaults: ResolvedReadingOptions }
>();
const NOTHING: BSONSerializeOptions = {};

/** The decoding options of an operation, where it has its own, else of its collection or database. */
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

/** CallFlags of a call whose documents go on the tape. */
export function tapeFlags({ lazy }: Decoding): number {
  return lazy ? CallFlag.tape | CallFlag.lazy : CallFlag.tape;
}

/** Returns the BSON options with which the documents inside an error are decoded. */
export function errorDecoding(decoding: Decoding | undefined): BSON.DeserializeOptions {
  if (decoding === undefined) return {};
  const { promoteValues, promoteLongs, promoteBuffers, useBigInt64, bsonRegExp } = decoding;
  return { promoteValues, promoteLongs, promoteBuffers, useBigInt64, bsonRegExp };
}
