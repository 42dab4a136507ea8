import { types } from 'node:util';

import { ObjectId, type Document } from 'mongodb';

import { HEADER_BYTES, Header, TAPE_VERSION, type TapeChunk } from '../format/format';
import type { ShapeReader, TapeCursor } from './tape-cursor';

/*
 * V8 throws optimised code away when a full collection finds that no object of a kind is alive that the code was made
 * for. Between two results there is neither a document nor a reader of them: the next result would be read by slow code
 * for as long as it takes to optimise it again, tens of milliseconds. So one of each is kept: a sample by the readers of
 * its shape, a reader of an empty chunk by the main thread's `noBatch`. The same holds for what is written: between two
 * lists that a program inserts there may be none of its documents.
 */

/** A chunk without documents. */
export function emptyChunk(): TapeChunk {
  const buffer = new ArrayBuffer(HEADER_BYTES);
  new Int32Array(buffer)[Header.Version] = TAPE_VERSION;
  return { buffer, count: 0 };
}

/**
 * A document as `read` makes it of what comes next, with nothing in it that takes memory or is anyone's data. The cursor
 * is left where it was. Throws what `read` throws.
 */
export function sampleOf(read: ShapeReader, cursor: TapeCursor): Document {
  const { intAt, doubleAt, byteAt, narrowAt, wideAt } = cursor;
  const sample = read(cursor);
  cursor.intAt = intAt;
  cursor.doubleAt = doubleAt;
  cursor.byteAt = byteAt;
  cursor.narrowAt = narrowAt;
  cursor.wideAt = wideAt;
  blank(sample);
  return sample;
}

/**
 * Objects with these keys, made as documents usually come to be, by setting one key after the other and by JSON.parse (V8
 * gives these another hidden class), with nothing in them that is anyone's data. No getter of the document's is called.
 */
export function objectsLike(document: object, keys: readonly string[]): object[] {
  // A Proxy's traps would run the application's code, and a Proxy has no hidden class of its own.
  if (types.isProxy(document)) return [];
  const built: Record<string, unknown> = {};
  for (const key of keys) {
    const value = blankLike(Object.getOwnPropertyDescriptor(document, key)?.value);
    // Assigning to an inherited property fails when Object.prototype is frozen, and calls a setter when it has one.
    if (key in built) define(built, key, value);
    else built[key] = value;
  }
  return [built, JSON.parse(JSON.stringify(built)) as object];
}

function define(object: object, key: string, value: unknown): void {
  const options = { enumerable: true, configurable: true, writable: true };
  Object.defineProperty(object, key, { value, ...options });
}

/** A value of V8's same representation. */
function blankLike(value: unknown): unknown {
  if (typeof value === 'number') return (value | 0) === value ? 0 : 0.5;
  return typeof value === 'string' ? '' : null;
}

/** Values are replaced by others of V8's same representation, so that the hidden class stays as it is. */
function blank(sample: Document): void {
  const rest = [sample];
  for (let document = rest.pop(); document !== undefined; document = rest.pop()) {
    for (const key of Object.keys(document)) {
      const value: unknown = document[key];
      if (typeof value === 'string') document[key] = '';
      else if (typeof value !== 'object' || value === null) continue;
      else if (isPlain(value)) rest.push(value);
      else if (Array.isArray(value)) value.length = 0;
      else if (!(value instanceof ObjectId || value instanceof Date)) document[key] = null;
    }
  }
}

function isPlain(value: object): value is Document {
  return Object.getPrototypeOf(value) === Object.prototype;
}
