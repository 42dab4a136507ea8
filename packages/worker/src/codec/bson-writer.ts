import { types } from 'node:util';

import {
  Binary,
  BSON,
  Long,
  type Decimal128,
  type Double,
  type Int32,
  type ObjectId,
} from 'mongodb';

import { DocumentShapes, type ShapeSite } from './document-shapes';
import { MAX_KEYS } from './shape-writer';

/** Options that decide what BSON.serialize writes. */
export interface WriteOptions {
  ignoreUndefined: boolean;
  serializeFunctions: boolean;
}

/** Thrown where the buffer has no room: the document is begun anew in a larger one. */
export const NO_ROOM = new Error('The buffer has no room');
/** Thrown where a document holds what only BSON.serialize knows how to write, or to refuse. */
export const UNUSUAL = new Error('The document is left to BSON.serialize');

// Kept apart: the driver's exports are getters, and these are compared with on the hot path.
const OBJECT = Object.prototype;
const DATE = Date.prototype;
const BUFFER: unknown = Buffer.prototype;
const UINT8_ARRAY = Uint8Array.prototype;
const { SUBTYPE_BYTE_ARRAY, SUBTYPE_VECTOR } = Binary;
/** Under this symbol bson's values say which major version of it they are of. */
const VERSION = Symbol.for('@@mdb.bson.version');
const BSON_VERSION: unknown = (Long.prototype as unknown as Record<symbol, unknown>)[VERSION];

/** Deeper than this it is left to BSON.serialize, which also finds documents that contain themselves. */
const MAX_DEPTH = 100;
/** Up to this length a string is copied by its characters: the native call costs more. */
const SHORT_STRING = 24;
/** From this length on, a string's bytes are counted before they are given room. */
const LONG_STRING = 65_536;
/** How much larger a buffer is in which a document is begun anew that filled the one before all by itself. */
const GROWTH = 8;
/** Bytes of an element, at a guess: an object with very many of them is not begun where there is less room. */
const ELEMENT = 32;
/** Bytes of a document without elements. */
const EMPTY = 5;
const TWO_POW_32 = 4294967296;

/**
 * Writes documents as BSON, byte for byte as BSON.serialize does, on the main thread: one behind the other into
 * one buffer. Objects with the same keys are written by a function compiled for these keys; all others by
 * following them; and what is rare (a Map, toBSON, code, a regular expression, another version's classes) has its
 * whole document written by BSON.serialize.
 */
export class BsonWriter {
  bytes: Buffer<ArrayBuffer>;
  view: DataView<ArrayBuffer>;
  /** Where the next document goes. */
  at = 0;
  /** Bytes that are still to be written, without another look, for the objects that the walk is in. */
  reserve = 8;
  depth = 0;
  ignoreUndefined = false;
  readonly #shapes: DocumentShapes;
  readonly #roots: ShapeSite = { writer: undefined };
  readonly #others: ShapeSite = { writer: undefined };
  #needed = 0;

  constructor(capacity: number, shapes = new DocumentShapes()) {
    this.#shapes = shapes;
    this.bytes = Buffer.allocUnsafeSlow(capacity);
    this.view = viewOf(this.bytes);
  }

  /** A writer with a buffer of its own, and what this one has learnt. */
  another(capacity: number): BsonWriter {
    return new BsonWriter(capacity, this.#shapes);
  }

  /** Goes on in a new buffer; the one before is not touched again. */
  renew(capacity: number): void {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
    this.view = viewOf(this.bytes);
    this.at = 0;
  }

  /**
   * Writes a document behind the last one, or at the beginning of a new buffer where it does not fit into this one.
   *
   * @param largest - new buffers are twice as large as the one before, up to this size, or as large as it may take
   * @param likely - bytes that it will take as far as one can tell: it is not begun in less room
   * @throws what BSON.serialize throws for it; nothing is written then
   */
  document(document: object, options: WriteOptions, largest = this.bytes.length, likely = 0): void {
    if (this.bytes.length - this.at < likely) this.#renewFor(likely, largest);
    try {
      this.#document(document, options, largest);
    } finally {
      this.#shapes.forgetLarge();
    }
  }

  #document(document: object, options: WriteOptions, largest: number): void {
    for (;;) {
      const start = this.at;
      try {
        this.at = this.#root(document, options);
        return;
      } catch (error) {
        this.at = start;
        if (error === UNUSUAL) return this.#append(BSON.serialize(document, options), largest);
        if (error !== NO_ROOM) throw error;
        // Begun anew: in a buffer so much larger that what was in vain is little of the whole.
        this.#renewFor(start === 0 ? GROWTH * this.bytes.length : this.#needed - start, largest);
      }
    }
  }

  #append(bytes: Uint8Array, largest: number): void {
    if (this.at + bytes.length > this.bytes.length) this.#renewFor(bytes.length, largest);
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  #renewFor(needed: number, largest: number): void {
    this.renew(Math.max(needed, Math.min(2 * this.bytes.length, largest)));
  }

  #root(document: object, { ignoreUndefined, serializeFunctions }: WriteOptions): number {
    if (serializeFunctions || typeof document !== 'object' || document === null) throw UNUSUAL;
    if (primitivesHaveToBSON()) throw UNUSUAL;
    this.depth = 0;
    this.reserve = 8;
    this.#needed = 0;
    this.ignoreUndefined = ignoreUndefined;
    const prototype: unknown = Object.getPrototypeOf(document);
    if (prototype !== OBJECT && !isPlain(document)) throw UNUSUAL;
    return this.plain(
      this.bytes,
      this.view,
      this.at,
      document as Record<string, unknown>,
      this.#roots,
    );
  }

  /** Whether there is room for so many bytes and all that is owed; throws NO_ROOM. */
  room(bytes: Buffer, at: number, length: number): void {
    if (at + length + this.reserve > bytes.length) {
      this.#needed = at + length + this.reserve;
      throw NO_ROOM;
    }
  }

  /**
   * Writes a value behind its key, and the type before it.
   *
   * @param head - where the type goes; the key is behind it
   * @param at - where the value goes
   * @returns where the next element begins: `head` for a value that is left out
   */
  value(bytes: Buffer, view: DataView, head: number, at: number, value: unknown): number {
    switch (typeof value) {
      case 'string':
        bytes[head] = 2;
        return this.string(bytes, view, at, value);
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
        if (this.ignoreUndefined) return head;
        bytes[head] = 10;
        return at;
      case 'bigint':
        bytes[head] = 18;
        view.setBigInt64(at, value, true);
        return at + 8;
      case 'object':
        if (value === null) {
          bytes[head] = 10;
          return at;
        }
        return this.object(bytes, view, head, at, value);
      default:
        // bson leaves functions and symbols out
        return head;
    }
  }

  string(bytes: Buffer, view: DataView, at: number, text: string): number {
    const { length } = text;
    this.room(bytes, at, length < LONG_STRING ? 3 * length + 5 : Buffer.byteLength(text) + 5);
    let to = at + 4;
    if (length > SHORT_STRING) {
      to += bytes.write(text, to);
    } else {
      for (let i = 0; i < length; i++) {
        const character = text.charCodeAt(i);
        if (character > 127) {
          to = at + 4 + bytes.write(text, at + 4);
          break;
        }
        bytes[to++] = character;
      }
    }
    view.setInt32(at, to - at - 3, true);
    bytes[to] = 0;
    return to + 1;
  }

  object(bytes: Buffer, view: DataView, head: number, at: number, value: object): number {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === OBJECT) {
      bytes[head] = 3;
      return this.plain(bytes, view, at, value as Record<string, unknown>);
    }
    if ((value as { toBSON?: unknown }).toBSON !== undefined) throw UNUSUAL;
    if (prototype === DATE) {
      bytes[head] = 9;
      writeDate(view, at, (value as Date).getTime());
      return at + 8;
    }
    if (prototype === BUFFER || prototype === UINT8_ARRAY) {
      bytes[head] = 5;
      return this.#binary(bytes, view, at, value as Uint8Array, (value as Uint8Array).length, 0);
    }
    const type: unknown = (value as { _bsontype?: unknown })._bsontype;
    if (type != null) return this.#bsonValue(bytes, view, head, at, value, type);
    if (Array.isArray(value)) {
      bytes[head] = 4;
      return this.#array(bytes, view, at, value);
    }
    if (!isPlain(value)) throw UNUSUAL;
    bytes[head] = 3;
    return this.plain(bytes, view, at, value as Record<string, unknown>);
  }

  /** One of bson's own values, by its tag as bson does: a program may have several copies of it. */
  #bsonValue(
    bytes: Buffer,
    view: DataView,
    head: number,
    at: number,
    value: object,
    type: unknown,
  ): number {
    if ((value as Record<symbol, unknown>)[VERSION] !== BSON_VERSION) throw UNUSUAL;
    switch (type) {
      case 'ObjectId':
        bytes[head] = 7;
        writeObjectId(bytes, at, value as ObjectId);
        return at + 12;
      case 'Long':
      case 'Timestamp':
        bytes[head] = type === 'Long' ? 18 : 17;
        view.setInt32(at, (value as Long).getLowBits(), true);
        view.setInt32(at + 4, (value as Long).getHighBits(), true);
        return at + 8;
      case 'Double':
        bytes[head] = 1;
        view.setFloat64(at, (value as Double).value, true);
        return at + 8;
      case 'Int32':
        bytes[head] = 16;
        view.setInt32(at, (value as Int32).valueOf(), true);
        return at + 4;
      case 'Decimal128':
        this.room(bytes, at, 16);
        bytes[head] = 19;
        bytes.set((value as Decimal128).bytes.subarray(0, 16), at);
        return at + 16;
      case 'Binary': {
        const { buffer, position, sub_type: subtype } = value as Binary;
        // The old subtype has a second length; vectors are checked.
        if (subtype === SUBTYPE_BYTE_ARRAY || subtype === SUBTYPE_VECTOR) throw UNUSUAL;
        bytes[head] = 5;
        return this.#binary(bytes, view, at, buffer, position, subtype);
      }
      default:
        throw UNUSUAL;
    }
  }

  /** A document whose keys are its own enumerable ones. */
  plain(
    bytes: Buffer,
    view: DataView,
    at: number,
    document: Record<string, unknown>,
    site: ShapeSite = this.#others,
  ): number {
    if (++this.depth > MAX_DEPTH) throw UNUSUAL;
    const writer = this.#shapes.writerOf(document, site);
    const end =
      'write' in writer
        ? writer.write(this, bytes, view, at, document)
        : this.#keyByKey(bytes, view, at, document, writer);
    this.depth--;
    return end;
  }

  #keyByKey(
    bytes: Buffer,
    view: DataView,
    start: number,
    document: Record<string, unknown>,
    keys: readonly string[],
  ): number {
    this.room(bytes, start, keys.length > MAX_KEYS ? ELEMENT * keys.length : EMPTY);
    let at = start + 4;
    this.reserve += 1;
    for (const key of keys) {
      // The key in UTF-8 and its terminator, the type, and the largest value that is written without a look.
      this.room(bytes, at, 3 * key.length + 2 + 12);
      let to = at + 1;
      for (let i = 0; i < key.length; i++) {
        const character = key.charCodeAt(i);
        if (character === 0) throw UNUSUAL;
        if (character > 127) {
          if (key.includes('\0')) throw UNUSUAL;
          to = at + 1 + bytes.write(key, at + 1);
          break;
        }
        bytes[to++] = character;
      }
      bytes[to] = 0;
      if (key === 'toBSON' || key === '_bsontype') throw UNUSUAL;
      at = this.value(bytes, view, at, to + 1, document[key]);
    }
    this.reserve -= 1;
    bytes[at] = 0;
    view.setInt32(start, at + 1 - start, true);
    return at + 1;
  }

  #array(bytes: Buffer, view: DataView, start: number, array: readonly unknown[]): number {
    if (++this.depth > MAX_DEPTH) throw UNUSUAL;
    this.room(bytes, start, EMPTY);
    let at = start + 4;
    this.reserve += 1;
    for (let i = 0; i < array.length; i++) {
      this.room(bytes, at, 12 + 12);
      const value = array[i];
      let to = at + 1;
      if (i < 10) bytes[to++] = 48 + i;
      else to = writeIndex(bytes, to, i);
      bytes[to] = 0;
      if (value === undefined) {
        bytes[at] = 10;
        at = to + 1;
      } else {
        at = this.value(bytes, view, at, to + 1, value);
      }
    }
    this.reserve -= 1;
    this.depth--;
    bytes[at] = 0;
    view.setInt32(start, at + 1 - start, true);
    return at + 1;
  }

  #binary(
    bytes: Buffer,
    view: DataView,
    at: number,
    content: Uint8Array,
    length: number,
    subtype: number,
  ): number {
    if (content.length < length) throw UNUSUAL;
    this.room(bytes, at, length + 5);
    view.setInt32(at, length, true);
    bytes[at + 4] = subtype;
    bytes.set(content.length === length ? content : content.subarray(0, length), at + 5);
    return at + 5 + length;
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Buffer<ArrayBuffer>): DataView<ArrayBuffer> {
  return new DataView(buffer, byteOffset, byteLength);
}

/** An object of any class that bson writes as a document of its own keys, and not as something else. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null) return true;
  const { toBSON, _bsontype } = value as { toBSON?: unknown; _bsontype?: unknown };
  if (toBSON !== undefined || _bsontype != null || Array.isArray(value)) return false;
  return !(
    types.isDate(value) ||
    types.isRegExp(value) ||
    types.isMap(value) ||
    types.isArrayBufferView(value) ||
    types.isAnyArrayBuffer(value) ||
    types.isProxy(value) ||
    Object.prototype.toString.call(value) !== '[object Object]'
  );
}

/** bson asks every value for its `toBSON`, also those that are no objects. */
function primitivesHaveToBSON(): boolean {
  return (
    'toBSON' in Object.prototype ||
    'toBSON' in String.prototype ||
    'toBSON' in Number.prototype ||
    'toBSON' in Boolean.prototype ||
    'toBSON' in BigInt.prototype
  );
}

/** bson 7.3 writes an id in place; older versions give its bytes. */
function writeObjectId(bytes: Buffer, at: number, id: ObjectId): void {
  const { serializeInto } = id as { serializeInto?: (bytes: Buffer, at: number) => void };
  if (serializeInto === undefined) bytes.set(id.id, at);
  else serializeInto.call(id, bytes, at);
}

/** Milliseconds as an int64; what is no time is 0, as it is to Long.fromNumber. */
function writeDate(view: DataView, at: number, time: number): void {
  const known = time === time ? time : 0;
  const high = Math.floor(known / TWO_POW_32);
  view.setInt32(at, known - high * TWO_POW_32, true);
  view.setInt32(at + 4, high, true);
}

function writeIndex(bytes: Buffer, at: number, index: number): number {
  const text = String(index);
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
  return at + text.length;
}
