import { BSON } from 'mongodb';

import { BsonBuffer } from './bson-buffer';
import { writeClassValue } from './bson-classes';
import { kindOf } from './bson-kind';
import { writeDate, writePattern, writePrimitive } from './bson-primitives';
import { DocumentShapes, type ShapeSite } from './document-shapes';
import { MAX_KEYS } from './shape-writer';

/** Options that decide what BSON.serialize writes. */
export interface WriteOptions {
  ignoreUndefined: boolean;
  serializeFunctions: boolean;
}

/** The properties that bson reads from any value before it decides how to write it. */
interface BsonHooks {
  toBSON?: unknown;
  _bsontype?: unknown;
  [Symbol.toStringTag]?: unknown;
}

/** Thrown when BSON.serialize must write or refuse the whole document. */
const UNUSUAL = new Error('The document is left to BSON.serialize');

// Local copies for comparisons on the hot path.
const OBJECT = Object.prototype;
const ARRAY: unknown = Array.prototype;
const DATE = Date.prototype;
const BUFFER: unknown = Buffer.prototype;
const UINT8_ARRAY = Uint8Array.prototype;
const TAG: typeof Symbol.toStringTag = Symbol.toStringTag;

/** Objects nested deeper than this are tracked in a set, to detect cycles. */
const TRACKED_DEPTH = 16;
/** Deeper documents are left to BSON.serialize, which does not recurse. No server stores them. */
const MAX_DEPTH = 250;
/** Up to this length, a string is copied character by character, which is cheaper than a native call. */
const SHORT_STRING = 24;
/** From this length on, a string's bytes are counted before room is made for them. */
const LONG_STRING = 65_536;
/** Estimated size of an element in bytes, used to make room at once for an object with very many elements. */
const ELEMENT = 32;
/** Size of the largest value that is written without a check for room. */
const LARGEST_FIXED = 12;
/** Size of an empty document in bytes. */
const EMPTY = 5;

/**
 * Writes documents as BSON, byte for byte as BSON.serialize does. Functions compiled for a sequence of keys write the
 * objects that have these keys. All other objects are written key by key.
 *
 * Getters, `toBSON` and Proxy traps run the application's code in the middle of a document. As in bson, each runs only
 * once: if the buffer is full, the document continues in a larger one. That code may cause another document to be
 * written, which needs another writer.
 */
export class BsonWriter extends BsonBuffer {
  ignoreUndefined = false;
  serializeFunctions = false;
  /** Whether the last omitted value was undefined. A list then gets null in its place. */
  leftUndefined = false;
  /** Whether primitive values may have a toBSON because the application extended their prototypes. */
  private primitivesMayHaveToBSON = false;
  private depth = 0;
  /** The open objects nested deeper than TRACKED_DEPTH. */
  readonly #opened = new Set<object>();
  readonly #shapes: DocumentShapes;
  readonly #roots: ShapeSite = { writer: undefined };
  readonly #others: ShapeSite = { writer: undefined };

  constructor(capacity: number, shapes = new DocumentShapes()) {
    super(capacity);
    this.#shapes = shapes;
  }

  /** Creates a writer with its own buffer that shares this one's compiled functions. */
  another(capacity: number): BsonWriter {
    return new BsonWriter(capacity, this.#shapes);
  }

  /**
   * Writes a document after the last one, or at the start of a new buffer if it does not fit into this one.
   *
   * @param largest - a new buffer is twice as large as the last one, but at most this size, or as large as the document
   * @param likely - an estimate of the document's size; with less room left, the document goes into a new buffer
   * @throws the error of BSON.serialize for this document; then nothing is written
   */
  document(document: object, options: WriteOptions, largest = this.bytes.length, likely = 0): void {
    this.makeRoom(likely, largest);
    const { bytes, at: start } = this;
    this.start = start;
    this.reserve = 8;
    this.ignoreUndefined = options.ignoreUndefined;
    this.serializeFunctions = options.serializeFunctions;
    this.primitivesMayHaveToBSON = primitivesHaveToBSON();
    this.depth = 0;
    if (this.#opened.size > 0) this.#opened.clear();
    let end: number;
    try {
      end = this.#root(document);
    } catch (error) {
      if (this.bytes !== bytes) this.use(bytes);
      if (error !== UNUSUAL) throw error;
      return this.#copy(BSON.serialize(document, options), largest);
    }
    if (this.bytes === bytes || start === 0) this.at = end;
    else this.moveToFront(end, Math.min(2 * bytes.length, largest));
  }

  #copy(bytes: Uint8Array, largest: number): void {
    this.makeRoom(bytes.length, largest);
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  #root(document: object): number {
    if (typeof document !== 'object' || document === null) throw UNUSUAL;
    const { toBSON, _bsontype, [TAG]: tag } = document as BsonHooks;
    if (
      toBSON === undefined &&
      _bsontype === undefined &&
      tag === undefined &&
      Object.getPrototypeOf(document) === OBJECT
    ) {
      return this.plain(this.at, document as Record<string, unknown>, this.#roots);
    }
    const isNoDocument =
      Array.isArray(document) ||
      typeof _bsontype === 'string' ||
      kindOf(document) !== 'document' ||
      tag === 'ArrayBuffer' ||
      tag === 'SharedArrayBuffer';
    if (isNoDocument) throw UNUSUAL;
    return this.frame(this.at, document);
  }

  /**
   * Writes the value of an element, and its type.
   *
   * @param head - where the type goes; the key after it is already written
   * @param at - where the value goes
   * @returns the start of the next element, or `head` if the value is omitted
   */
  value(head: number, at: number, value: unknown): number {
    if (this.primitivesMayHaveToBSON) return this.#afterToBSON(head, at, value);
    if (typeof value === 'object' && value !== null) return this.object(head, at, value);
    if (typeof value === 'function') return this.#afterToBSON(head, at, value);
    return writePrimitive(this, head, at, value);
  }

  object(head: number, at: number, value: object): number {
    const { toBSON, _bsontype } = value as BsonHooks;
    if (toBSON !== undefined) return this.#afterToBSON(head, at, value);
    if (_bsontype != null) return writeClassValue(this, head, at, value);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === OBJECT) {
      if ((value as BsonHooks)[TAG] !== undefined) return this.#other(head, at, value);
      this.bytes[head] = 3;
      return this.plain(at, value as Record<string, unknown>);
    }
    if (prototype === DATE) return writeDate(this, head, at, value as Date);
    if (prototype === BUFFER || prototype === UINT8_ARRAY) {
      return this.binary(head, at, value as Uint8Array, (value as Uint8Array).length, 0);
    }
    if (prototype === ARRAY && (value as BsonHooks)[TAG] === undefined && Array.isArray(value)) {
      this.bytes[head] = 4;
      return this.#array(at, value);
    }
    return this.#other(head, at, value);
  }

  /** Writes a value that may have a toBSON. bson calls it before it reads anything else of the value. */
  #afterToBSON(head: number, at: number, given: unknown): number {
    const has = typeof (given as BsonHooks | null | undefined)?.toBSON === 'function';
    const value = has ? (given as { toBSON(): unknown }).toBSON() : given;
    if (typeof value !== 'object' || value === null) return writePrimitive(this, head, at, value);
    if ((value as BsonHooks)._bsontype != null) return writeClassValue(this, head, at, value);
    return this.#other(head, at, value);
  }

  /** Writes an object of any kind whose toBSON has been called. */
  #other(head: number, at: number, value: object): number {
    switch (kindOf(value)) {
      case 'date':
        return writeDate(this, head, at, value as Date);
      case 'bytes':
        return this.binary(head, at, value as Uint8Array, (value as Uint8Array).length, 0);
      case 'regexp':
        return writePattern(this, head, at, value as RegExp);
      case 'document':
        if (Array.isArray(value)) {
          this.bytes[head] = 4;
          return this.#array(at, value);
        }
        this.bytes[head] = 3;
        return this.frame(at, value);
    }
  }

  /**
   * Writes a rejected or rare value with BSON.serialize, and copies the bytes. No code of the application may run
   * meanwhile: BSON.serialize has only one buffer, which may be in use while a getter runs.
   *
   * @throws the error of BSON.serialize
   */
  byBson(head: number, at: number, value: unknown): number {
    const { ignoreUndefined, serializeFunctions } = this;
    const element = BSON.serialize({ v: value }, { ignoreUndefined, serializeFunctions });
    // The length, the type, `v` and its terminator precede the value. The document's terminator follows it.
    const length = element.length - 8;
    if (length < 0) return head;
    this.room(at, length);
    this.bytes[head] = element[4];
    this.bytes.set(element.subarray(7, 7 + length), at);
    return at + length;
  }

  string(at: number, text: string): number {
    return this.text(this.bytes, this.view, at, text);
  }

  /** Writes a string, for callers that already have the buffer and its view. */
  text(bytes: Buffer, view: DataView, at: number, text: string): number {
    const { length } = text;
    const needed = length < LONG_STRING ? 3 * length + 5 : Buffer.byteLength(text) + 5;
    if (at + needed + this.reserve > bytes.length) {
      this.grow(at, needed);
      return this.string(at, text);
    }
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

  /** Writes text and its terminator, without its length. Makes room for a value of LARGEST_FIXED bytes after it. */
  cString(at: number, text: string): number {
    this.room(at, 3 * text.length + 1 + LARGEST_FIXED);
    const end = at + this.bytes.write(text, at);
    this.bytes[end] = 0;
    return end + 1;
  }

  binary(head: number, at: number, content: Uint8Array, length: number, subtype: number): number {
    this.room(at, length + 5);
    const { bytes } = this;
    bytes[head] = 5;
    this.view.setInt32(at, length, true);
    bytes[at + 4] = subtype;
    bytes.set(content.length === length ? content : content.subarray(0, length), at + 5);
    return at + 5 + length;
  }

  /**
   * Writes an object as a document, as bson does. A Map is written by its entries. Other objects are written by their
   * keys, after one more call of toBSON.
   */
  frame(at: number, value: object): number {
    if (++this.depth > TRACKED_DEPTH) this.#open(value);
    let end: number;
    if (value instanceof Map || (value as BsonHooks)[TAG] === 'Map') {
      end = this.#entries(at, value as Map<unknown, unknown>);
    } else {
      const has = typeof (value as BsonHooks).toBSON === 'function';
      const target = has ? (value as { toBSON(): unknown }).toBSON() : value;
      if (target != null && typeof target !== 'object') {
        throw new BSON.BSONError('toBSON function did not return an object');
      }
      end = this.#byKeys(at, target as Record<string, unknown>, this.#others);
    }
    if (this.depth-- > TRACKED_DEPTH) this.#opened.delete(value);
    return end;
  }

  /** Writes an object without a toBSON by its own enumerable keys. */
  plain(at: number, document: Record<string, unknown>, site: ShapeSite = this.#others): number {
    if (++this.depth > TRACKED_DEPTH) this.#open(document);
    const end = this.#byKeys(at, document, site);
    if (this.depth-- > TRACKED_DEPTH) this.#opened.delete(document);
    return end;
  }

  #byKeys(at: number, document: Record<string, unknown>, site: ShapeSite): number {
    const writer = this.#shapes.writerOf(document, site);
    if (!('write' in writer)) return this.#keyByKey(at, document, writer);
    return this.primitivesMayHaveToBSON
      ? this.#keyByKey(at, document, writer.keys)
      : writer.write(this, at, document);
  }

  #keyByKey(start: number, document: Record<string, unknown>, keys: readonly string[]): number {
    this.room(start, keys.length > MAX_KEYS ? ELEMENT * keys.length : EMPTY);
    this.reserve += 1;
    return this.#end(start, this.#elements(start + 4, document, keys, 0));
  }

  /**
   * Continues key by key after a larger buffer replaced a compiled writer's buffer in the middle of a value.
   *
   * @param start - where the document starts
   * @param reserved - bytes that the compiled writer has reserved for its elements
   */
  afterGrowth(
    start: number,
    at: number,
    document: Record<string, unknown>,
    keys: readonly string[],
    from: number,
    reserved: number,
  ): number {
    this.reserve -= reserved - 1;
    return this.#end(start, this.#elements(at, document, keys, from));
  }

  #elements(
    at: number,
    document: Record<string, unknown>,
    keys: readonly string[],
    from: number,
  ): number {
    for (let i = from; i < keys.length; i++) {
      const key = keys[i];
      at = this.value(at, this.key(at, key), document[key]);
    }
    return at;
  }

  #entries(start: number, map: Map<unknown, unknown>): number {
    this.room(start, EMPTY);
    this.reserve += 1;
    let at = start + 4;
    if (typeof map.entries !== 'function') throw UNUSUAL;
    for (const entry of map.entries()) {
      const key = entry[0];
      if (typeof key !== 'string') throw UNUSUAL;
      at = this.value(at, this.key(at, key), entry[1]);
    }
    return this.#end(start, at);
  }

  #array(start: number, array: readonly unknown[]): number {
    if (++this.depth > TRACKED_DEPTH) this.#open(array);
    this.room(start, EMPTY);
    this.reserve += 1;
    let at = start + 4;
    for (let i = 0; i < array.length; i++) {
      this.room(at, 12 + LARGEST_FIXED);
      const { bytes } = this;
      let to = at + 1;
      if (i < 10) bytes[to++] = 48 + i;
      else to = writeIndex(bytes, to, i);
      bytes[to] = 0;
      const value = array[i];
      if (value === undefined) {
        bytes[at] = 10;
        at = to + 1;
      } else {
        this.leftUndefined = false;
        const end = this.value(at, to + 1, value);
        if (end === at && this.leftUndefined) {
          this.bytes[at] = 10;
          at = to + 1;
        } else {
          at = end;
        }
      }
    }
    if (this.depth-- > TRACKED_DEPTH) this.#opened.delete(array);
    return this.#end(start, at);
  }

  #end(start: number, at: number): number {
    this.reserve -= 1;
    this.bytes[at] = 0;
    this.view.setInt32(start, at + 1 - start, true);
    return at + 1;
  }

  /**
   * Writes a key and its terminator after the byte for the type. Makes room for a value of LARGEST_FIXED bytes after
   * it.
   */
  key(at: number, key: string): number {
    this.room(at, 3 * key.length + 2 + LARGEST_FIXED);
    const { bytes } = this;
    let to = at + 1;
    for (let i = 0; i < key.length; i++) {
      const character = key.charCodeAt(i);
      if (character === 0 || character > 127) {
        if (key.includes('\0')) this.byBson(at, to, { [key]: null });
        to = at + 1 + bytes.write(key, at + 1);
        break;
      }
      bytes[to++] = character;
    }
    bytes[to] = 0;
    return to + 1;
  }

  #open(object: object): void {
    if (this.depth > MAX_DEPTH || this.#opened.has(object)) throw UNUSUAL;
    this.#opened.add(object);
  }
}

/** Whether a primitive value may have a `toBSON`. bson reads this property of every value, not only of objects. */
function primitivesHaveToBSON(): boolean {
  return (
    'toBSON' in OBJECT ||
    'toBSON' in String.prototype ||
    'toBSON' in Number.prototype ||
    'toBSON' in Boolean.prototype ||
    'toBSON' in BigInt.prototype ||
    'toBSON' in Symbol.prototype
  );
}

function writeIndex(bytes: Buffer, at: number, index: number): number {
  const text = String(index);
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
  return at + text.length;
}
