import vm from 'node:vm';

import { Binary, BSON, Code, DBRef, Long, ObjectId, type Document } from 'mongodb';

import { BsonWriter, type WriteOptions } from '../../support/internals';

// bson reads `toBSON` and `_bsontype` as properties, own or inherited, and decides by a value's own tag.

const SETTINGS: WriteOptions[] = [
  { ignoreUndefined: false, serializeFunctions: false },
  { ignoreUndefined: true, serializeFunctions: false },
  { ignoreUndefined: false, serializeFunctions: true },
];

function outcome(write: () => Uint8Array): string {
  try {
    return Buffer.from(write()).toString('hex');
  } catch (error) {
    return String(error);
  }
}

/** Compares with BSON.serialize often enough that the writer has compiled the shapes. */
function assertSame(make: () => unknown): void {
  const writer = new BsonWriter(1_024);
  for (const options of SETTINGS) {
    for (let round = 0; round < 10; round++) {
      const wrapped: ((value: unknown) => unknown)[] = [
        (value) => value,
        (value) => ({ value }),
        (value) => ({ list: [1, value, 2] }),
        (value) => ({ map: new Map([['value', value]]) }),
        (value) => ({ code: new Code('f', { value }) }),
        (value) => ({ reference: new DBRef('c', new ObjectId('0'.repeat(24)), 'd', { value }) }),
        ...(round === 0 ? [(value: unknown) => ({ deep: nested(value, 120) })] : []),
      ];
      for (const wrap of wrapped) {
        const ours = outcome(() => {
          const { bytes, at } = writer;
          writer.document(wrap(make()) as Document, options);
          return writer.bytes.subarray(writer.bytes === bytes ? at : 0, writer.at);
        });
        expect(ours).toBe(outcome(() => BSON.serialize(wrap(make()) as Document, { ...options })));
      }
    }
  }
}

function nested(value: unknown, depth: number): unknown {
  let outer = value;
  for (let i = 0; i < depth; i++) outer = i % 2 === 0 ? { outer } : [outer];
  return outer;
}

const hidden = (value: object, key: string | symbol, content: unknown): object =>
  Object.defineProperty(value, key, { value: content });
const classOf = (prototype: object | null): object =>
  Object.assign(Object.create(prototype) as object, { a: 1, b: 'x' });

function holes(): unknown[] {
  const list = [1];
  list[2] = 3;
  return list;
}

class Money {
  constructor(readonly cents: number) {}
  toBSON(): unknown {
    return { cents: Long.fromNumber(this.cents) };
  }
}
class Tagged {
  a = 1;
  get [Symbol.toStringTag](): string {
    return 'Tagged';
  }
}
class LaterDate extends Date {}
class Bytes extends Uint8Array {}
class Pattern extends RegExp {}
class List extends Array<unknown> {}
class Dictionary extends Map<string, unknown> {}
class Id extends ObjectId {}
class Callable extends Function {}

const VERSION = Symbol.for('@@mdb.bson.version');
const TYPE = Symbol.for('@@mdb.bson.type');

const values: Record<string, () => unknown> = {
  'a hidden toBSON': () => hidden({ secret: 1 }, 'toBSON', () => ({ shown: 2 })),
  'a hidden toBSON that gives text': () => hidden({ secret: 1 }, 'toBSON', () => 'text'),
  'a hidden toBSON that gives nothing': () => hidden({ secret: 1 }, 'toBSON', () => undefined),
  'a hidden toBSON that gives null': () => hidden({ secret: 1 }, 'toBSON', () => null),
  'a hidden toBSON that gives a function': () => hidden({ a: 1 }, 'toBSON', () => () => 1),
  'a hidden toBSON that gives what has one': () => hidden({ a: 1 }, 'toBSON', () => new Money(5)),
  'a toBSON that gives what has one that gives text': () =>
    hidden({ a: 1 }, 'toBSON', () => hidden({}, 'toBSON', () => 'text')),
  'a toBSON that gives what has one that gives null': () =>
    hidden({ a: 1 }, 'toBSON', () => hidden({}, 'toBSON', () => null)),
  'a toBSON that gives a list, a Map, a date, an id, bytes': () => [
    hidden({}, 'toBSON', () => [1, 2]),
    hidden({}, 'toBSON', () => new Map([['k', 1]])),
    hidden({}, 'toBSON', () => new Date(5)),
    hidden({}, 'toBSON', () => new ObjectId('1'.repeat(24))),
    hidden({}, 'toBSON', () => new Uint8Array([1])),
  ],
  'a toBSON that gives the object itself': () => {
    const object: Document = { a: 1 };
    return hidden(object, 'toBSON', () => object);
  },
  'a toBSON that is no function': () => ({ toBSON: 5, a: 1 }),
  'a hidden toBSON that is no function': () => hidden({ a: 1 }, 'toBSON', 5),
  'a toBSON that throws': () =>
    hidden({ a: 1 }, 'toBSON', () => {
      throw new TypeError('no');
    }),
  'a toBSON that is a getter': () => ({
    a: 1,
    get toBSON() {
      return () => ({ b: 2 });
    },
  }),
  'an inherited toBSON': () => new Money(7),
  'an inherited toBSON of an object without a class': () =>
    Object.create(hidden({}, 'toBSON', () => 7)) as unknown,
  'no prototype': () => classOf(null),
  'no prototype, and a hidden toBSON': () => hidden(classOf(null), 'toBSON', () => ({ b: 2 })),
  'a toBSON of a list': () => hidden([1, 2], 'toBSON', () => ({ b: 2 })),
  'a toBSON of a Map': () => hidden(new Map([['a', 1]]), 'toBSON', () => ({ b: 2 })),
  'a toBSON of a date': () => hidden(new Date(5), 'toBSON', () => 'text'),
  'a toBSON of bytes': () => hidden(new Uint8Array([1]), 'toBSON', () => 'text'),
  'a toBSON of an id': () => hidden(new ObjectId('2'.repeat(24)), 'toBSON', () => 'text'),
  'a toBSON of a function': () =>
    hidden(
      () => 1,
      'toBSON',
      () => 'text',
    ),
  'a toBSON of a function that gives a function': () =>
    hidden(
      () => 1,
      'toBSON',
      () => () => 2,
    ),
  'a hidden _bsontype': () => hidden({ a: 1 }, '_bsontype', 'ObjectId'),
  'an unknown hidden _bsontype': () => hidden({ a: 1 }, '_bsontype', 'Unknown'),
  'an inherited _bsontype': () => Object.create({ _bsontype: 'Long' }) as unknown,
  'a _bsontype that is null': () => ({ _bsontype: null, a: 1 }),
  'a _bsontype that is a number': () => ({ _bsontype: 7, a: 1 }),
  'a hidden _bsontype of a list': () => hidden([1], '_bsontype', 'ObjectId'),
  'a hidden _bsontype of a date': () => hidden(new Date(5), '_bsontype', 'Double'),
  'a hidden _bsontype of bytes': () => hidden(new Uint8Array([1]), '_bsontype', 'Binary'),
  'a _bsontype of the right version': () => ({ _bsontype: 'Unknown', [VERSION]: 7 }),
  'a tag under another _bsontype': () => ({
    _bsontype: 'X',
    [VERSION]: 7,
    [TYPE]: 'Double',
    value: 3,
  }),
  'a _bsontype of an earlier version': () => ({ _bsontype: 'ObjectId', [VERSION]: 5 }),
  'what inherits from an id': () => Object.create(new ObjectId('3'.repeat(24))) as unknown,
  'a Map tag on a plain object': () => hidden({ a: 1 }, Symbol.toStringTag, 'Map'),
  'a Date tag on a plain object': () => hidden({ a: 1 }, Symbol.toStringTag, 'Date'),
  'a RegExp tag on a plain object': () => hidden({ a: 1 }, Symbol.toStringTag, 'RegExp'),
  'a Uint8Array tag on a plain object': () => hidden({ a: 1 }, Symbol.toStringTag, 'Uint8Array'),
  'an ArrayBuffer tag on a plain object': () => hidden({ a: 1 }, Symbol.toStringTag, 'ArrayBuffer'),
  'a Date tag with a time': () => ({ [Symbol.toStringTag]: 'Date', getTime: () => 5 }),
  'a Date tag on a list': () => hidden([1], Symbol.toStringTag, 'Date'),
  'a tag of a class': () => new Tagged(),
  'a subclass of Date': () => new LaterDate(5),
  'a subclass of Date with fields': () => Object.assign(new LaterDate(5), { a: 1 }),
  'a date that is none': () => new Date(NaN),
  'a date with a getTime of its own': () =>
    [1.5, -1.5, 2 ** 70, NaN, -0, 8.64e15 + 1].map((time) =>
      hidden(new Date(5), 'getTime', () => time),
    ),
  'what inherits from Date': () => Object.create(Date.prototype) as unknown,
  'a subclass of Uint8Array': () => new Bytes([1, 2, 3]),
  'another kind of numbers': () => new Float64Array([1, 2]),
  'an ArrayBuffer, a DataView': () => [new ArrayBuffer(3), new DataView(new ArrayBuffer(3))],
  'a subclass of RegExp': () => new Pattern('a', 'gi'),
  'a RegExp with all flags': () => [/a/, /b/dgimsuy, new RegExp('', 'g')],
  'what inherits from RegExp': () => Object.create(RegExp.prototype) as unknown,
  'a subclass of Array': () => List.from([1, 'a', undefined]),
  'a list with fields and holes': () => Object.assign(holes(), { more: 1 }),
  'a list of functions and symbols': () => [1, () => 2, 3, Symbol('s'), 4, undefined],
  'a subclass of Map': () =>
    new Dictionary([
      ['a', 1],
      ['b', undefined],
    ]),
  'a Map with functions, toBSON, and keys in odd order': () =>
    new Map<string, unknown>([
      ['z', new Money(1)],
      ['1', () => 1],
      ['0', undefined],
      ['漢', [new Map([['', 1]])]],
    ]),
  'a Map in a Map with a null byte': () => new Map([['a', new Map([['b\0', 1]])]]),
  'a subclass of ObjectId': () => new Id('4'.repeat(24)),
  'a function with a class': () => new Callable('return 1'),
  'a boxed string, number and boolean': () => [new String('ab'), new Number(1), new Boolean(true)],
  'a Set, an Error, a promise, a WeakMap': () => [
    new Set([1]),
    new Error('e'),
    Promise.resolve(1),
    new WeakMap(),
  ],
  'values of another realm': () =>
    vm.runInNewContext(
      '({ d: new Date(5), r: /x/gi, m: new Map([["k", 1]]), l: [1], u: new Uint8Array([1]), o: Object.create(null), t: { toBSON() { return 1; } } })',
    ) as unknown,
  'a Proxy of a document': () => new Proxy({ a: 1, b: [1] }, {}),
  'a Proxy of a list': () => new Proxy([1, 2], {}),
  'a Proxy of a Map': () => new Proxy(new Map([['a', 1]]), {}),
  'a Proxy of a date': () => new Proxy(new Date(5), {}),
  'a Proxy that gives a toBSON': () =>
    new Proxy(
      { a: 1 },
      {
        get: (on, key, receiver) =>
          key === 'toBSON' ? () => 'text' : (Reflect.get(on, key, receiver) as unknown),
      },
    ),
  'a Proxy that hides keys': () => new Proxy({ a: 1, b: 2 }, { ownKeys: () => ['b'] }),
  'code, with and without a scope': () => [
    new Code('a'),
    new Code(() => 1),
    new Code('a', {}),
    new Code('a', { deep: [undefined, { b: new Money(1) }] }),
    new Code('a', holes()),
    new Code('a', new Map([['k', 1]])),
  ],
  references: () => [
    new DBRef('c', new ObjectId('5'.repeat(24))),
    new DBRef('c', new ObjectId('5'.repeat(24)), undefined, {
      a: undefined,
      deep: { b: undefined },
    }),
    { after: undefined },
  ],
  'binaries of each kind': () => [
    ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 128].map((type) => new Binary(Buffer.alloc(16, type), type)),
    new Binary(Buffer.from('abc')),
    Object.assign(new Binary(Buffer.alloc(4)), { position: 2 }),
  ],
  'a binary that says it is longer than it is': () =>
    Object.assign(new Binary(Buffer.alloc(4)), { position: 2, buffer: Buffer.alloc(4) }),
  'patterns, symbols, keys at both ends': () => [
    new BSON.BSONRegExp('a', 'xi'),
    new BSON.BSONRegExp('ü', ''),
    new BSON.BSONSymbol('ü'),
    new BSON.MinKey(),
    new BSON.MaxKey(),
    { a: new BSON.MaxKey(), b: /ü/im, c: new RegExp('x'.repeat(2_000)) },
  ],
  'a pattern with a null byte': () => new RegExp(String.fromCharCode(0)),
  'symbols and bigints': () => [Symbol('a'), 5n, -(2n ** 70n), new BSON.BSONSymbol('s')],
  'keys of odd names': () => ({
    constructor: 1,
    toString: 2,
    valueOf: 3,
    hasOwnProperty: 4,
    ['__proto__']: 5,
    '': 6,
    'a.b': 7,
    $set: 8,
    ['ü'.repeat(50)]: 9,
  }),
  'a null byte in a key': () => ({ fine: 1, 'ü\0': 1 }),
  itself: () => {
    const circle: Document = { a: 1, list: [] };
    (circle.list as unknown[]).push({ circle });
    return circle;
  },
  'itself, in a Map and in the scope of code': () => {
    const map = new Map<string, unknown>();
    map.set('code', new Code('a', { map }));
    return map;
  },
  'the same object twice, deep down': () => {
    const shared = { a: 1 };
    return [nested(shared, 60), nested(shared, 60), shared, [shared]];
  },
};

test.each(Object.entries(values))('%s', (_, make) => assertSame(make));

test.each([
  'Object',
  'String',
  'Number',
  'Boolean',
  'BigInt',
  'Symbol',
  'Function',
  'Array',
  'Date',
])('a toBSON on the prototype of %s', (name) => {
  const { prototype } = (globalThis as unknown as Record<string, { prototype: object }>)[name];
  const make = (): unknown => ({
    text: 'text',
    number: 5,
    on: true,
    big: 5n,
    symbol: Symbol('s'),
    f: () => 1,
    list: ['a', 1, [null]],
    at: new Date(5),
    inner: { text: 'inner', none: null },
  });
  for (const give of [(): unknown => 7, (): unknown => undefined, (): unknown => ({})]) {
    Object.defineProperty(prototype, 'toBSON', { value: give, configurable: true });
    try {
      assertSame(make);
    } finally {
      delete (prototype as { toBSON?: unknown }).toBSON;
    }
  }
});
