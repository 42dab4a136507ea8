import {
  Binary,
  BSON,
  BSONRegExp,
  BSONSymbol,
  Code,
  Decimal128,
  Double,
  Long,
  MaxKey,
  MinKey,
  Timestamp,
  UUID,
  type Document,
} from 'mongodb';

import { FaithfulObject } from './faithful-object';
import { readObjectId } from '../bson/object-id';

/** A document or array that is being filled. */
interface Frame {
  readonly parent: Frame | undefined;
  /** Where the document ends: the index after its terminator. */
  readonly end: number;
  readonly fields: FaithfulObject | undefined;
  readonly elements: unknown[] | undefined;
  /** The code whose scope this is. */
  readonly code: string | undefined;
  /** The key under which it belongs in its parent. */
  readonly key: string;
}

/**
 * Decodes a document that BSON.serialize wrote, such that BSON.serialize writes the same bytes again, and
 * that code which looks into it (the driver's checks) finds what it found in the original: numbers are
 * numbers, documents are plain objects. A class of bson's stands only where a plain value would be written
 * differently: a Double that is an integer, every Long, regular expressions. No DBRef is made of {$ref, $id}.
 *
 * Binaries are views of `bytes`: it must not be changed while the document is in use.
 *
 * @param start - where in `bytes` the document begins.
 */
export function decodeFaithful(
  bytes: Uint8Array,
  start = 0,
  options: FaithfulOptions = {},
): Document {
  return new FaithfulDecoder(bytes, options).document(start);
}

export interface FaithfulOptions {
  /** What BSON does not tell apart as programs write it most: RegExp for BSONRegExp, UUID for its Binary. */
  asWritten?: boolean;
}

class FaithfulDecoder {
  readonly #bytes: Buffer;
  #at = 0;

  readonly #asWritten: boolean;

  constructor(bytes: Uint8Array, { asWritten = false }: FaithfulOptions) {
    this.#asWritten = asWritten;
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Without recursion: BSON.serialize has none either, so that documents may be nested deeply. */
  document(start: number): Document {
    this.#at = start;
    let frame = this.#open(undefined, '', false, undefined);
    for (;;) {
      if (this.#at >= frame.end) throw malformed('a document has no terminator');
      const type = this.#bytes[this.#at++];
      if (type === 0) {
        if (this.#at !== frame.end) throw malformed('a document ends before its length');
        const { parent } = frame;
        const value = closed(frame);
        if (parent === undefined) return value as Document;
        put(parent, frame.key, value);
        frame = parent;
        continue;
      }
      const key = this.#cString(frame.end);
      if (type === 0x03 || type === 0x04) {
        frame = this.#open(frame, key, type === 0x04, undefined);
      } else if (type === 0x0f) {
        this.#skip(4);
        frame = this.#open(frame, key, false, this.#string());
      } else {
        put(frame, key, this.#value(type, frame.end));
      }
    }
  }

  #open(parent: Frame | undefined, key: string, isArray: boolean, code: string | undefined): Frame {
    const from = this.#at;
    const size = this.#int32();
    const end = from + size;
    if (size < 5 || end > (parent?.end ?? this.#bytes.length))
      throw malformed('a document has a wrong length');
    return {
      parent,
      end,
      fields: isArray ? undefined : new FaithfulObject(),
      elements: isArray ? [] : undefined,
      code,
      key,
    };
  }

  #value(type: number, end: number): unknown {
    switch (type) {
      case 0x01:
        return this.#double();
      case 0x02:
        return this.#string();
      case 0x05:
        return this.#binary();
      case 0x07:
        return readObjectId(this.#bytes, this.#skip(12));
      case 0x08:
        return this.#bytes[this.#skip(1)] === 1;
      case 0x09:
        return new Date(this.#long().toNumber());
      case 0x0a:
        return null;
      case 0x0b:
        return this.#regularExpression(this.#cString(end), this.#cString(end));
      case 0x0d:
        return new Code(this.#string());
      case 0x0e:
        return new BSONSymbol(this.#string());
      case 0x10:
        return this.#int32();
      case 0x11: {
        const { low, high } = this.#long();
        return new Timestamp({ t: high >>> 0, i: low >>> 0 });
      }
      case 0x12:
        return this.#long();
      case 0x13:
        return new Decimal128(Buffer.from(this.#slice(16)));
      case 0x7f:
        return new MaxKey();
      case 0xff:
        return new MinKey();
      default:
        throw malformed(`type 0x${type.toString(16)} is not one that BSON.serialize writes`);
    }
  }

  /** bson writes a number as an int32 when it is one, so such a double must come back as a Double. */
  #double(): number | Double {
    const value = this.#bytes.readDoubleLE(this.#skip(8));
    return (value | 0) === value && !Object.is(value, -0) ? new Double(value) : value;
  }

  #binary(): Binary {
    const length = this.#int32();
    const subtype = this.#bytes[this.#skip(1)];
    if (length < 0) throw malformed('a binary has a negative length');
    if (this.#asWritten && subtype === Binary.SUBTYPE_UUID && length === 16)
      return new UUID(this.#slice(16));
    if (subtype !== Binary.SUBTYPE_BYTE_ARRAY) return new Binary(this.#slice(length), subtype);
    if (this.#int32() !== length - 4) throw malformed('a binary of subtype 2 has a wrong length');
    return new Binary(this.#slice(length - 4), subtype);
  }

  #regularExpression(pattern: string, options: string): BSONRegExp | RegExp {
    if (this.#asWritten) {
      try {
        return new RegExp(pattern, options.replace('s', 'g').replace(/[^gim]/g, ''));
      } catch {
        // a pattern that JavaScript has no RegExp for
      }
    }
    return regularExpression(pattern, options);
  }

  #string(): string {
    const length = this.#int32();
    if (length < 1) throw malformed('a string has no terminator');
    const text = this.#slice(length);
    return text.toString('utf8', 0, length - 1);
  }

  #cString(limit: number): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0 || end >= limit) throw malformed('a key has no terminator');
    const text = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end + 1;
    return text;
  }

  #int32(): number {
    return this.#bytes.readInt32LE(this.#skip(4));
  }

  #long(): Long {
    return new Long(this.#int32(), this.#int32());
  }

  #slice(length: number): Buffer {
    const start = this.#skip(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Moves on by `length` bytes and gives where they begin. */
  #skip(length: number): number {
    const start = this.#at;
    this.#at = start + length;
    if (this.#at > this.#bytes.length) throw malformed('a value passes the end');
    return start;
  }
}

/**
 * Stands for an element that bson omitted from a list, and is omitted again. Without it, later elements would move up.
 */
const LEFT_OUT = Symbol('left out');

function put(frame: Frame, key: string, value: unknown): void {
  const { elements } = frame;
  if (elements === undefined) {
    frame.fields!.set(key, value);
    return;
  }
  const index = Number(key);
  while (elements.length < index) elements.push(LEFT_OUT);
  elements.push(value);
}

function closed(frame: Frame): unknown {
  if (frame.elements !== undefined) return frame.elements;
  const document = frame.fields!.document();
  return frame.code === undefined ? document : new Code(frame.code, document);
}

/**
 * bson writes the options of a BSONRegExp in alphabetical order, but those of a RegExp as i, s (for global),
 * m: options out of order are a RegExp's. Its source is put on it as it was, since RegExp may refuse it
 * without the flags that bson does not write, and only bson will read it.
 */
function regularExpression(pattern: string, options: string): BSONRegExp | RegExp {
  const sorted = options.split('').sort().join('');
  if (sorted !== options) {
    const flags = (options.includes('i') ? 'i' : '') + (options.includes('s') ? 'g' : '') + 'm';
    return Object.defineProperty(new RegExp('', flags), 'source', { value: pattern });
  }
  return new BSONRegExp(pattern, options);
}

function malformed(what: string): Error {
  return new BSON.BSONError(`Malformed BSON from the main thread: ${what}`);
}
