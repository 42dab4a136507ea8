import { types } from 'node:util';

import { ObjectId, type Document } from 'mongodb';

import { HEADER_BYTES, Header, TAPE_VERSION, type TapeChunk } from '../format/format';
import type { ShapeReader, TapeCursor } from './tape-cursor';

/*
 * When a full collection finds no live object of a hidden class, V8 discards the optimised code that depends on that
 * class. Between two results, neither documents nor their readers are alive. So the next result would run slow code
 * until V8 has optimised it again, which takes tens of milliseconds.
 *
 * Therefore one object of each kind stays alive: the readers of a shape keep a sample document, and the main thread's
 * `noBatch` keeps a reader of an empty chunk. Writers need the same: between two lists that the application inserts,
 * none of its documents may be alive.
 */

/** A chunk without documents. */
export function emptyChunk(): TapeChunk {
  const buffer = new ArrayBuffer(HEADER_BYTES);
  new Int32Array(buffer)[Header.Version] = TAPE_VERSION;
  return { buffer, count: 0 };
}

/**
 * Returns a document as `read` creates it from the tape at the cursor, with its values replaced: it takes no memory for
 * them and contains nobody's data. The cursor does not move. Throws what `read` throws.
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
 * Returns objects with these keys and without anyone's data. They are made in the two usual ways, to which V8 gives
 * different hidden classes: by setting one key after the other, and by JSON.parse. It calls none of the document's
 * getters.
 */
export function objectsLike(document: object, keys: readonly string[]): object[] {
  // A Proxy's traps would run the application's code, and a Proxy has no hidden class of its own.
  if (types.isProxy(document)) return [];
  const built: Record<string, unknown> = {};
  for (const key of keys) {
    const value = blankLike(Object.getOwnPropertyDescriptor(document, key)?.value);
    // Assigning to an inherited property fails if Object.prototype is frozen, and calls a setter if it has one.
    if (key in built) define(built, key, value);
    else built[key] = value;
  }
  return [built, JSON.parse(JSON.stringify(built)) as object];
}

function define(object: object, key: string, value: unknown): void {
  const options = { enumerable: true, configurable: true, writable: true };
  Object.defineProperty(object, key, { value, ...options });
}

/** Returns an empty value that V8 represents in the same way. */
function blankLike(value: unknown): unknown {
  if (typeof value === 'number') return (value | 0) === value ? 0 : 0.5;
  return typeof value === 'string' ? '' : null;
}

/** Replaces values by empty ones that V8 represents in the same way, so that the hidden class stays the same. */
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
