import {
  Binary,
  Long,
  type BSONRegExp,
  type BSONSymbol,
  type Code,
  type DBRef,
  type Decimal128,
  type Document,
  type Double,
  type Int32,
  type ObjectId,
} from 'mongodb';

import type { BsonWriter } from './bson-writer';

// Local copies, because the driver's exports are getters and these are used on the hot path.
const { SUBTYPE_BYTE_ARRAY, SUBTYPE_VECTOR } = Binary;
const ofLong = Long.prototype as unknown as Record<symbol | string, unknown>;
/** The symbol under which bson's values hold their major version. */
const VERSION = Symbol.for('@@mdb.bson.version');
const BSON_VERSION = ofLong[VERSION];
const TYPE_SYMBOL = Symbol.for('@@mdb.bson.type');
/** The key under which they hold their type. It is a symbol from bson 7.1 on. */
const TYPE = TYPE_SYMBOL in ofLong ? TYPE_SYMBOL : '_bsontype';

/**
 * Writes one of bson's own values after its key, and its type at `head`. Returns the start of the next element. Like
 * bson, it decides by the value's tag, since an application may have several copies of bson.
 *
 * @throws the error of BSON.serialize for a value of another major version or an unknown type
 */
export function writeClassValue(
  writer: BsonWriter,
  head: number,
  at: number,
  value: object,
): number {
  const { bytes, view } = writer;
  const own = value as Record<symbol | string, unknown>;
  if (own[VERSION] !== BSON_VERSION) return writer.byBson(head, at, value);
  const type = own[TYPE];
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
      writer.room(at, 16);
      writer.bytes[head] = 19;
      writer.bytes.set((value as Decimal128).bytes.subarray(0, 16), at);
      return at + 16;
    case 'Binary':
      return writeBinary(writer, head, at, value as Binary);
    case 'BSONSymbol':
      return writeSymbol(writer, head, at, value as BSONSymbol);
    case 'BSONRegExp':
      return writeBsonPattern(writer, head, at, value as BSONRegExp);
    case 'MinKey':
    case 'MaxKey':
      bytes[head] = type === 'MinKey' ? 255 : 127;
      return at;
    case 'Code':
      return writeCode(writer, head, at, value as Code);
    case 'DBRef':
      return writeReference(writer, head, at, value as DBRef);
    default:
      return writer.byBson(head, at, value);
  }
}

/** Writes an ObjectId. bson 7.3 writes it in place; older versions return its bytes. */
function writeObjectId(bytes: Buffer, at: number, id: ObjectId): void {
  const { serializeInto } = id as { serializeInto?: (bytes: Buffer, at: number) => void };
  if (serializeInto === undefined) bytes.set(id.id, at);
  else serializeInto.call(id, bytes, at);
}

/** Writes a Binary. The old subtype 2 has a second length. Vectors are left to bson, which checks them. */
function writeBinary(writer: BsonWriter, head: number, at: number, value: Binary): number {
  const { buffer, position, sub_type: subtype } = value;
  if (subtype === SUBTYPE_VECTOR || buffer.length < position) return writer.byBson(head, at, value);
  if (subtype !== SUBTYPE_BYTE_ARRAY) return writer.binary(head, at, buffer, position, subtype);
  writer.room(at, 9 + position);
  const { bytes, view } = writer;
  bytes[head] = 5;
  view.setInt32(at, position + 4, true);
  bytes[at + 4] = subtype;
  view.setInt32(at + 5, position, true);
  bytes.set(buffer.subarray(0, position), at + 9);
  return at + 9 + position;
}

function writeSymbol(writer: BsonWriter, head: number, at: number, value: BSONSymbol): number {
  if (typeof value.value !== 'string') return writer.byBson(head, at, value);
  writer.bytes[head] = 14;
  return writer.string(at, value.value);
}

function writeBsonPattern(writer: BsonWriter, head: number, at: number, value: BSONRegExp): number {
  const { pattern, options } = value;
  if (typeof pattern !== 'string' || typeof options !== 'string' || pattern.includes('\0')) {
    return writer.byBson(head, at, value);
  }
  writer.bytes[head] = 11;
  const sorted = options.split('').sort().join('');
  return writer.cString(writer.cString(at, pattern), sorted);
}

/** Writes a Code. Its scope is the application's document, so the application's code may run. */
function writeCode(writer: BsonWriter, head: number, start: number, value: Code): number {
  const { code, scope } = value as { code: unknown; scope: unknown };
  if (typeof code !== 'string' || Array.isArray(scope)) return writer.byBson(head, start, value);
  if (typeof scope !== 'object' || scope === null) {
    writer.bytes[head] = 13;
    return writer.string(start, code);
  }
  writer.room(start, 4);
  writer.bytes[head] = 15;
  const end = writer.frame(writer.string(start + 4, code), scope);
  writer.view.setInt32(start, end - start, true);
  return end;
}

/** Writes a DBRef as a document. Undefined fields are omitted, also in nested documents. */
function writeReference(writer: BsonWriter, head: number, at: number, value: DBRef): number {
  const { collection, oid, db, fields } = value;
  const document: Document = { $ref: collection, $id: oid };
  if (db != null) document.$db = db;
  Object.assign(document, fields);
  writer.bytes[head] = 3;
  const { ignoreUndefined } = writer;
  writer.ignoreUndefined = true;
  const end = writer.frame(at, document);
  writer.ignoreUndefined = ignoreUndefined;
  return end;
}
