import { isUtf8 } from 'node:buffer';

import { int32 } from '../../bson/int32';

/** Deeper documents count as not well-formed and are left to BSON.deserialize. */
const MAX_DEPTH = 100;

/**
 * Whether BSON.deserialize certainly reads the document from `start` to `end`, under any options. False means that it
 * may throw. This check is far faster than calling it.
 */
export function isWellFormed(source: Uint8Array, start: number, end: number, depth = 0): boolean {
  if (end - start < 5 || int32(source, start) !== end - start || source[end - 1] !== 0)
    return false;
  const limit = end - 1;
  let at = start + 4;
  while (at < limit) {
    const type = source[at++];
    // This stops at the document's own terminator at the latest.
    while (source[at] !== 0) at++;
    at = endOfValue(type, source, at + 1, limit, depth);
    if (at < 0) return false;
  }
  return at === limit;
}

/** Returns where the value ends, or -1 if it is not certainly valid. */
function endOfValue(
  type: number,
  source: Uint8Array,
  at: number,
  limit: number,
  depth: number,
): number {
  if (at > limit) return -1;
  switch (type) {
    case 0x0a: // null
      return at;
    case 0x08: // boolean
      return at < limit && source[at] <= 1 ? at + 1 : -1;
    case 0x10: // int32
      return within(at + 4, limit);
    case 0x01: // double
    case 0x09: // date
    case 0x11: // timestamp
    case 0x12: // int64
      return within(at + 8, limit);
    case 0x07: // ObjectId
      return within(at + 12, limit);
    case 0x13: // Decimal128
      return within(at + 16, limit);
    case 0x02: {
      // string
      if (at + 5 > limit) return -1;
      const size = int32(source, at);
      const end = at + 4 + size;
      if (size < 1 || size > limit - at - 4 || source[end - 1] !== 0) return -1;
      return isText(source, at + 4, end - 1) ? end : -1;
    }
    case 0x05: {
      // binary
      if (at + 5 > limit) return -1;
      const size = int32(source, at);
      return size < 0 || size > limit - at - 5 || source[at + 4] === 2 ? -1 : at + 5 + size;
    }
    case 0x03: // document
    case 0x04: {
      // array
      if (at + 5 > limit || depth === MAX_DEPTH) return -1;
      const size = int32(source, at);
      if (size < 5 || size > limit - at) return -1;
      return isWellFormed(source, at, at + size, depth + 1) ? at + size : -1;
    }
    default:
      return -1;
  }
}

function isText(source: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    if (source[at] > 0x7f) return isUtf8(source.subarray(start, end));
  }
  return true;
}

function within(end: number, limit: number): number {
  return end <= limit ? end : -1;
}
