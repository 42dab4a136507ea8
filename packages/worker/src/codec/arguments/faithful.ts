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

/** A document or array under construction. */
interface Frame {
  readonly parent: Frame | undefined;
  /** Index after the document's terminator. */
  readonly end: number;
  readonly fields: FaithfulObject | undefined;
  readonly elements: unknown[] | undefined;
  /** The source of the Code value, if this document is its scope. */
  readonly code: string | undefined;
  /** Its key in the parent. */
  readonly key: string;
}

/**
 * Decodes a document that BSON.serialize wrote. BSON.serialize encodes the result to the same bytes again, and the
 * driver's checks find the same values as in the original: numbers are numbers, and documents are plain objects. A
 * class of bson appears only if a plain value would be encoded differently: a Double that is an integer, every Long,
 * and regular expressions. {$ref, $id} does not become a DBRef.
 *
 * Binaries are views of `bytes`, which must not change while the document is in use.
 *
 * @param start - where the document starts in `bytes`
 */
export function decodeFaithful(
  bytes: Uint8Array,
  start = 0,
  options: FaithfulOptions = {},
): Document {
  return new FaithfulDecoder(bytes, options).document(start);
}

export interface FaithfulOptions {
  /**
   * If several JavaScript types have the same BSON, uses the one that applications write most: RegExp instead of
   * BSONRegExp, and UUID instead of its Binary.
   */
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

  /** Decodes without recursion, as BSON.serialize encodes, because documents may be deeply nested. */
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
        throw malformed(`BSON.serialize does not write type 0x${type.toString(16)}`);
    }
  }

  /** Returns a Double if bson would write the plain number as an int32. */
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
        // JavaScript rejects the pattern.
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

  /** Moves on by `length` bytes and returns where they start. */
  #skip(length: number): number {
    const start = this.#at;
    this.#at = start + length;
    if (this.#at > this.#bytes.length) throw malformed('a value extends past the end');
    return start;
  }
}

/**
 * Stands for an element that bson omitted from a list. bson omits the symbol too. Without it, later elements would move
 * up.
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
 * Returns the regular expression that bson wrote. bson sorts the options of a BSONRegExp alphabetically, but writes
 * those of a RegExp as i, s (for global), m. So options out of alphabetical order come from a RegExp. Its source is
 * defined as a property, because RegExp may reject the source without the flags that bson omits. Only bson reads it.
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
