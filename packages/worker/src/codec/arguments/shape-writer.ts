import type { BsonWriter } from './bson-writer';
import type { ShapeSite } from './document-shapes';
import { makeFunction, mayCompile } from '../bson/made-function';

/** Writes objects that have certain keys in a certain order. */
export interface ObjectWriter {
  readonly keys: readonly string[];
  /** The site of each key's value. */
  readonly sites: readonly ShapeSite[];
  /** The number of look-ups in `DocumentShapes` at its last use. */
  used: number;
  /** Writes an object whose own enumerable keys are these, in this order. Returns the index after it. */
  write(writer: BsonWriter, at: number, document: Record<string, unknown>): number;
}

/** Objects with more keys are written key by key. */
export const MAX_KEYS = 200;
const MAX_KEY_BYTES = 128;
/** Size of the largest value that is written without a check for room. */
const LARGEST_FIXED = 12;

/**
 * Compiles a writer for objects with these keys. Its code stores every key as a few words and loads every property by
 * name. Returns undefined if these keys cannot be compiled. Keys are the only outside text in the code, and appear only
 * as JSON.
 */
export function compiledWriter(keys: readonly string[]): ObjectWriter | undefined {
  if (!mayCompile || keys.length === 0 || keys.length > MAX_KEYS || !keys.every(isFit)) {
    return undefined;
  }
  const heads = keys.map(headOf);
  // The last word of a key may reach up to three bytes past the key.
  const fixed = heads.reduce((sum, { length }) => sum + length + LARGEST_FIXED, 5 + 3);
  const sites = keys.map((): ShapeSite => ({ writer: undefined }));
  const body = `'use strict';
const { keys, sites } = runtime;
const plainObject = Object.prototype, prototypeOf = Object.getPrototypeOf, tag = Symbol.toStringTag;
return {
  keys,
  sites,
  used: 0,
  write(w, start, o) {
    w.room(start, ${fixed});
    w.reserve += ${fixed};
    const B = w.bytes, V = w.view;
    let at = start + 4, v;
${heads.map((head, i) => fieldSource(keys[i], head, i, fixed)).join('')}
    w.reserve -= ${fixed};
    B[at] = 0;
    V.setInt32(start, at + 1 - start, true);
    return at + 1;
  },
};`;
  return makeFunction<ObjectWriter>('runtime', body)({ keys, sites });
}

/** The type byte, the key and its terminator, as words to store. */
interface Head {
  readonly length: number;
  readonly words: readonly number[];
}

function headOf(key: string): Head {
  const length = Buffer.byteLength(key) + 2;
  const bytes = Buffer.alloc((length + 3) & ~3);
  bytes.write(key, 1);
  return {
    length,
    words: Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readInt32LE(4 * i)),
  };
}

/**
 * Returns the code that writes one field. If a larger buffer replaced the old one in the middle of a value, the writer
 * continues key by key.
 */
function fieldSource(key: string, { length, words }: Head, index: number, fixed: number): string {
  const stores = words
    .map((word, i) => `V.setInt32(at${i === 0 ? '' : ` + ${4 * i}`}, ${word}, true);`)
    .join(' ');
  const value = `at + ${length}`;
  return `
    field: {
      v = o[${JSON.stringify(key)}];
      ${stores}
      if (typeof v === 'string') { B[at] = 2; at = w.text(B, V, ${value}, v); }
      else if (typeof v === 'number') {
        if ((v | 0) === v && (v !== 0 || 1 / v > 0)) { B[at] = 16; V.setInt32(${value}, v, true); at += ${length + 4}; }
        else { B[at] = 1; V.setFloat64(${value}, v, true); at += ${length + 8}; }
        break field;
      } else if (v === null) { B[at] = 10; at += ${length}; break field; }
      else if (typeof v === 'boolean') { B[at] = 8; B[${value}] = v ? 1 : 0; at += ${length + 1}; break field; }
      else if (typeof v === 'object' && prototypeOf(v) === plainObject && v.toBSON === undefined && v._bsontype == null && v[tag] === undefined) {
        B[at] = 3; at = w.plain(${value}, v, sites[${index}]);
      } else at = w.value(at, ${value}, v);
      if (w.bytes !== B) return w.afterGrowth(start, at, o, keys, ${index + 1}, ${fixed});
    }`;
}

/**
 * Whether a key can be compiled. `toBSON` and `_bsontype` change how bson writes the object. The other excluded keys
 * are not plain properties or not valid keys.
 */
function isFit(key: string): boolean {
  return (
    key !== 'toBSON' &&
    key !== '_bsontype' &&
    key !== '__proto__' &&
    !key.includes('\0') &&
    Buffer.byteLength(key) <= MAX_KEY_BYTES
  );
}
