import { BSON } from 'mongodb';

import { int32 } from '../../bson/int32';

/**
 * Number of bytes that {v: value} adds to a value. Values without a kind of their own cross as such a document, and
 * BSON.deserialize reads them. This is exact unless BSON.deserialize throws: the error would describe the wrapper
 * instead of the user's document. So the worker first tries each value for which it may throw.
 */
export const WRAPPER_BYTES = 8;

/** Writes {v: value} at `to` and returns its length. */
export function wrapValue(
  type: number,
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  to: number,
): number {
  const length = end - start + WRAPPER_BYTES;
  target[to] = length;
  target[to + 1] = length >>> 8;
  target[to + 2] = length >>> 16;
  target[to + 3] = length >>> 24;
  target[to + 4] = type;
  target[to + 5] = 0x76;
  target[to + 6] = 0;
  copyBytes(source, start, end, target, to + 7);
  target[to + length - 1] = 0;
  return length;
}

/** Whether BSON.deserialize reads the wrapped value under any options. */
export function isReadable(wrapped: Uint8Array): boolean {
  try {
    BSON.deserialize(wrapped, { bsonRegExp: false });
    BSON.deserialize(wrapped, { bsonRegExp: true, promoteValues: false });
    return true;
  } catch {
    return false;
  }
}

/** Returns where a rare value that starts at `at` ends, or -1 if it does not end by `limit`. */
export function endOfRareValue(
  type: number,
  source: Uint8Array,
  at: number,
  limit: number,
): number {
  switch (type) {
    case 0x06: // undefined
    case 0x7f: // max key
    case 0xff: // min key
      return at;
    case 0x0b: // regular expression: two C strings
      return endOfCString(source, endOfCString(source, at, limit), limit);
    case 0x0d: // code
    case 0x0e: // symbol
      return endOfSized(source, at, limit, 4);
    case 0x0c: // DBPointer
      return endOfSized(source, at, limit, 4 + 12);
    case 0x05: // binary
      return endOfSized(source, at, limit, 5);
    case 0x03: // document
    case 0x04: // array
    case 0x0f: // code with scope
      return endOfSized(source, at, limit, 0);
    default:
      return -1;
  }
}

function endOfCString(source: Uint8Array, at: number, limit: number): number {
  if (at < 0) return -1;
  while (at < limit && source[at] !== 0) at++;
  return at < limit ? at + 1 : -1;
}

function endOfSized(source: Uint8Array, at: number, limit: number, more: number): number {
  if (at + 4 > limit) return -1;
  const size = int32(source, at);
  if (size < 0 || size > limit - at - more) return -1;
  return at + size + more;
}

/** Copies bytes. Up to 40 bytes, a loop is faster than a subarray and a native call. */
export function copyBytes(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  to: number,
): void {
  if (end - start > 40) target.set(source.subarray(start, end), to);
  else for (let at = start; at < end; at++) target[to++] = source[at];
}
