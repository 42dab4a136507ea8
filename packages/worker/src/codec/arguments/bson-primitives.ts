import { Long } from 'mongodb';

import type { BsonWriter } from './bson-writer';

const TWO_POW_32 = 4294967296;
/** The latest time that a Date can hold, in milliseconds. */
const MAX_TIME = 8.64e15;

/**
 * Writes a value that is not an object after its key, and its type at `head`. Returns the start of the next element.
 */
export function writePrimitive(
  writer: BsonWriter,
  head: number,
  at: number,
  value: unknown,
): number {
  const { bytes, view } = writer;
  switch (typeof value) {
    case 'string':
      bytes[head] = 2;
      return writer.string(at, value);
    case 'number':
      if ((value | 0) === value && (value !== 0 || 1 / value > 0)) {
        bytes[head] = 16;
        view.setInt32(at, value, true);
        return at + 4;
      }
      bytes[head] = 1;
      view.setFloat64(at, value, true);
      return at + 8;
    case 'boolean':
      bytes[head] = 8;
      bytes[at] = value ? 1 : 0;
      return at + 1;
    case 'undefined':
      if (writer.ignoreUndefined) {
        writer.leftUndefined = true;
        return head;
      }
      bytes[head] = 10;
      return at;
    case 'bigint':
      bytes[head] = 18;
      view.setBigInt64(at, value, true);
      return at + 8;
    case 'function':
      if (!writer.serializeFunctions) return head;
      bytes[head] = 13;
      return writer.string(at, (value as () => void).toString());
    case 'object':
      // null
      bytes[head] = 10;
      return at;
    default:
      // bson omits symbols.
      return head;
  }
}

/** Writes a RegExp with the flags that bson keeps. BSON's `s` stands for JavaScript's `g`. */
export function writePattern(writer: BsonWriter, head: number, at: number, value: RegExp): number {
  const { source } = value;
  if (typeof source !== 'string' || source.includes('\0')) return writer.byBson(head, at, value);
  writer.bytes[head] = 11;
  const { ignoreCase, global, multiline } = value;
  const flags = (ignoreCase ? 'i' : '') + (global ? 's' : '') + (multiline ? 'm' : '');
  return writer.cString(writer.cString(at, source), flags);
}

/** Writes the milliseconds of a date as an int64. Like bson, it writes an invalid time as 0. */
export function writeDate(writer: BsonWriter, head: number, at: number, value: Date): number {
  const { bytes, view } = writer;
  const time = value.getTime();
  bytes[head] = 9;
  if (Number.isInteger(time) && time >= -MAX_TIME && time <= MAX_TIME) {
    const high = Math.floor(time / TWO_POW_32);
    view.setInt32(at, time - high * TWO_POW_32, true);
    view.setInt32(at + 4, high, true);
  } else {
    // The date is invalid, or its getTime is not the built-in one.
    const long = Long.fromNumber(time);
    view.setInt32(at, long.low, true);
    view.setInt32(at + 4, long.high, true);
  }
  return at + 8;
}
