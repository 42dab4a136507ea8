import { BSONRegExp, Binary, Code, DBRef, ObjectId } from 'mongodb';

const VERSION = Symbol.for('@@mdb.bson.version');

/** The error that a value's own code throws. */
export class OwnError extends Error {
  override name = 'OwnError';
  readonly code = 'OWN';
}

/** An id of another major version of bson. */
function foreignId(version: number | undefined): object {
  const id = { _bsontype: 'ObjectId', id: new Uint8Array(12) };
  return version === undefined ? id : Object.assign(id, { [VERSION]: version });
}

function cycle(): object {
  const of: Record<string, unknown> = { a: 1 };
  of.itself = { of };
  return of;
}

function cyclicList(): unknown[] {
  const list: unknown[] = [1];
  list.push(list);
  return list;
}

function nested(depth: number): object {
  let value: object = {};
  for (let i = 0; i < depth; i++) value = { n: value };
  return value;
}

function changed<T extends object>(value: T, own: object): T {
  return Object.defineProperties(value, Object.getOwnPropertyDescriptors(own));
}

function throwing(): never {
  throw new OwnError('thrown by the value itself');
}

class Throwing {
  a = 1;
  toBSON(): never {
    return throwing();
  }
}

/** Values that BSON refuses, omits or writes in its own way; each use makes a new one. */
export const REFUSED: Record<string, () => unknown> = {
  'a class of an older bson': () => foreignId(4),
  'a class of an unknown bson': () => foreignId(undefined),
  'a class of a newer bson': () => foreignId(99),
  'a _bsontype that is none': () => ({ _bsontype: 'Nothing', [VERSION]: 7 }),
  'a _bsontype that is no text': () => ({ _bsontype: 5 }),
  'a cycle': cycle,
  'a cyclic list': cyclicList,
  'nesting that is too deep': () => nested(300),
  'a key with a zero byte': () => ({ 'a\0b': 1 }),
  'a Map with a zero byte in a key': () => new Map([['a\0b', 1]]),
  'a Map whose key is no text': () => new Map([[{}, 1]]),
  'a RegExp with a zero byte': () => new RegExp(`a${String.fromCharCode(0)}b`),
  'a BSONRegExp with a zero byte': () => changed(new BSONRegExp('a'), { pattern: 'a\0b' }),
  'a throwing toBSON': () => ({ toBSON: throwing }),
  'a toBSON that gives a cycle': () => ({ toBSON: cycle }),
  'an instance whose toBSON throws': () => new Throwing(),
  'a throwing getter': () => ({
    get a(): never {
      return throwing();
    },
  }),
  'a Proxy that throws': () => new Proxy({}, { ownKeys: throwing }),
  'a symbol': () => Symbol('s'),
  'a function': () => () => 1,
  'a symbol inside': () => ({ a: Symbol('s'), b: 1 }),
  'a function inside': () => ({ a: () => 1, b: 1 }),
  'a bigint of more than 64 bits': () => 2n ** 64n + 5n,
  'a bigint below 64 bits': () => ({ a: -(2n ** 63n) - 1n }),
  'a Code whose scope is a cycle': () => new Code('f', cycle()),
  'a DBRef whose fields are a cycle': () => new DBRef('a', new ObjectId(), undefined, cycle()),
  'a Binary that is no vector': () => new Binary(Buffer.from([3, 9, 1]), Binary.SUBTYPE_VECTOR),
};
