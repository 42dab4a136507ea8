import { types } from 'node:util';

import { BSON } from 'mongodb';

import { int32, reencodeRaw } from '../codec';
import { knownClassName } from './class-registry';
import { originOf } from './origin';

/**
 * A value in an envelope. Structured clone would lose every class, so objects are written as `{ is, … }`. Values of
 * unknown kinds are omitted.
 */
export type EnvelopeValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | Date
  | EnvelopeValue[]
  | { is: 'object'; class?: string; entries: [string, EnvelopeValue, enumerable: boolean][] }
  | { is: 'map'; entries: [EnvelopeValue, EnvelopeValue][] }
  | { is: 'set'; values: EnvelopeValue[] }
  /** A raw document, as the document `{ v: document }`. */
  | { is: 'document'; bytes: Uint8Array }
  /** One of bson's own values, as the document `{ v: value }`. */
  | { is: 'bson'; bytes: Uint8Array }
  | { is: 'regExp'; regExp: RegExp }
  /** A Buffer. */
  | { is: 'bytes'; bytes: Uint8Array }
  | { is: 'error'; error: ErrorEnvelope }
  | { is: 'seen'; index: number };

/** An error on its way to the main thread: class, message, own properties, labels and cause. */
export interface ErrorEnvelope {
  /** The nearest class that the main thread knows. */
  class: string;
  message: string;
  /** Own properties except `message` and `stack`. */
  properties: [string, EnvelopeValue, enumerable: boolean][];
  /** The number under which the main thread keeps the error, if the application threw it there. */
  origin?: number;
}

/** The nesting limit. Servers do not nest documents deeper than this. */
const MAX_DEPTH = 250;

class EnvelopeWriter {
  readonly #seen = new Map<object, number>();
  readonly #rawDocuments: boolean;
  readonly #maxDepth: number;

  constructor(rawDocuments: boolean, maxDepth = MAX_DEPTH) {
    this.#rawDocuments = rawDocuments;
    this.#maxDepth = maxDepth;
  }

  error(error: Error, depth = 0): ErrorEnvelope {
    this.#seen.set(error, this.#seen.size);
    return {
      class: knownClassName(error) ?? 'Error',
      message: error.message,
      properties: this.#properties(error, depth, (name) => name !== 'message' && name !== 'stack'),
      origin: originOf(error),
    };
  }

  value(value: unknown): EnvelopeValue {
    return this.#item(value, 0);
  }

  #properties(
    object: object,
    depth: number,
    wanted: (name: string) => boolean,
  ): [string, EnvelopeValue, boolean][] {
    const entries: [string, EnvelopeValue, boolean][] = [];
    for (const name of Object.getOwnPropertyNames(object)) {
      if (!wanted(name)) continue;
      const descriptor = Object.getOwnPropertyDescriptor(object, name);
      if (descriptor === undefined || !('value' in descriptor)) continue;
      if (!crosses(descriptor.value)) continue;
      entries.push([
        name,
        this.#value(descriptor.value, depth + 1),
        descriptor.enumerable === true,
      ]);
    }
    return entries;
  }

  #value(value: unknown, depth: number): EnvelopeValue {
    if (typeof value !== 'object' || value === null) return value as EnvelopeValue;
    const index = this.#seen.get(value);
    if (index !== undefined) return { is: 'seen', index };
    if (depth > this.#maxDepth) return undefined;
    if (types.isDate(value)) return value;
    if (ArrayBuffer.isView(value)) {
      const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice();
      return this.#rawDocuments && looksLikeDocument(bytes)
        ? { is: 'document', bytes: reencodeRaw({ v: bytes }) }
        : { is: 'bytes', bytes };
    }
    if (types.isRegExp(value)) return { is: 'regExp', regExp: value };
    if (isBsonValue(value) && !WITH_DOCUMENTS.has(value._bsontype)) {
      return { is: 'bson', bytes: BSON.serialize({ v: value }) };
    }
    if (isError(value)) return { is: 'error', error: this.error(value, depth) };
    this.#seen.set(value, this.#seen.size);
    if (Array.isArray(value)) return value.map((item) => this.#item(item, depth));
    if (types.isMap(value)) {
      const entries = [...value].map(([key, item]): [EnvelopeValue, EnvelopeValue] => [
        this.#item(key, depth),
        this.#item(item, depth),
      ]);
      return { is: 'map', entries };
    }
    if (types.isSet(value)) {
      return { is: 'set', values: [...value].map((item) => this.#item(item, depth)) };
    }
    return {
      is: 'object',
      class: knownClassName(value),
      entries: this.#properties(value, depth, () => true),
    };
  }

  #item(value: unknown, depth: number): EnvelopeValue {
    return crosses(value) ? this.#value(value, depth + 1) : undefined;
  }
}

/** The symbol under which bson's values hold their major version. The application's documents do not have it. */
const VERSION = Symbol.for('@@mdb.bson.version');

/** The types of bson that contain documents. They are carried as objects of their class. */
const WITH_DOCUMENTS = new Set(['DBRef', 'Code']);

function isBsonValue(value: object): value is { _bsontype: string } {
  return (
    typeof (value as { _bsontype?: unknown })._bsontype === 'string' &&
    !Object.hasOwn(value, '_bsontype') &&
    VERSION in value
  );
}

/** Whether a value is an error. `isNativeError` of Node 20 is false for a DOMException, which an abort's reason is. */
export function isError(value: unknown): value is Error {
  return types.isNativeError(value) || value instanceof Error;
}

/** Whether a value survives BSON unchanged: it loses neither types nor fields. */
export function survivesBson(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
      return true;
    case 'object': {
      if (value === null || types.isUint8Array(value)) return true;
      if (isBsonValue(value)) return value._bsontype === 'ObjectId';
      if (Array.isArray(value)) return value.every(survivesBson);
      if (Object.getPrototypeOf(value) !== Object.prototype) return false;
      if ('_bsontype' in value || 'toBSON' in value) return false;
      return Object.values(value).every(survivesBson);
    }
    default:
      return false;
  }
}

/** Whether bytes may be a document. Errors have other buffers too, such as a certificate's. */
function looksLikeDocument(bytes: Uint8Array): boolean {
  const { length } = bytes;
  return length >= 5 && bytes[length - 1] === 0 && int32(bytes, 0) === length;
}

/** Whether a value can cross. Functions, symbols and live objects of the driver (sockets, pools) cannot. */
function crosses(value: unknown): boolean {
  if (typeof value === 'function' || typeof value === 'symbol') return false;
  if (typeof value !== 'object' || value === null) return true;
  if (types.isProxy(value)) return false;
  if (ArrayBuffer.isView(value)) return true;
  if (Array.isArray(value) || types.isMap(value) || types.isSet(value)) return true;
  if (types.isDate(value) || types.isRegExp(value) || isError(value)) return true;
  const prototype = Object.getPrototypeOf(value) as object | null;
  return (
    prototype === null ||
    Object.getPrototypeOf(prototype) === null ||
    knownClassName(value) !== undefined
  );
}

/**
 * Packs a thrown value. Never throws.
 *
 * @param rawDocuments - the operation ran with `raw: true`, so that a document in the server's reply, and so in the
 *   error, is a Buffer of its bytes
 */
export function packError(thrown: unknown, rawDocuments = false): ErrorEnvelope {
  const error = isError(thrown) ? thrown : new Error(String(thrown));
  try {
    return new EnvelopeWriter(rawDocuments).error(error);
  } catch {
    return { class: knownClassName(error) ?? 'Error', message: error.message, properties: [] };
  }
}

/** Packs a result that is not a document. JavaScript numbers and instances of BSON's classes keep their types. */
export function packValue(value: unknown): EnvelopeValue {
  return new EnvelopeWriter(false, Infinity).value(value);
}
