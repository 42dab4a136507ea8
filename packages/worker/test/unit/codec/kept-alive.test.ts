import v8 from 'node:v8';
import vm from 'node:vm';

import { Binary, BSON, Long, ObjectId, type Document } from 'mongodb';

import {
  BsonWriter,
  emptyChunk,
  objectsLike,
  sampleOf,
  TapeCursor,
  TapeDecoder,
} from '../../support/internals';
import { Pipe } from '../../support/tape';

function sample(document: Document): Document {
  const cursor = new TapeCursor(emptyChunk().buffer, []);
  const read = (): Document => {
    cursor.intAt += 7;
    cursor.doubleAt += 6;
    cursor.byteAt += 5;
    cursor.narrowAt += 4;
    cursor.wideAt += 3;
    return document;
  };
  const { intAt, doubleAt, byteAt, narrowAt, wideAt } = cursor;
  const result = sampleOf(read, cursor);
  expect(cursor).toMatchObject({ intAt, doubleAt, byteAt, narrowAt, wideAt });
  return result;
}

describe('what is kept alive of a shape', () => {
  it('has the keys of its documents, and none of their data', () => {
    const kept = sample({
      _id: new ObjectId(),
      name: 'a name that is nobody else’s business',
      count: 3,
      list: ['text', { more: 'text' }],
      bytes: new Binary(Buffer.alloc(100_000)),
      long: Long.fromNumber(2 ** 60),
      at: new Date(0),
      none: null,
      inner: { text: 'text', innermost: { text: 'text' } },
      ['__proto__']: { text: 'text' },
    });
    expect(Object.keys(kept)).toStrictEqual([
      '_id',
      'name',
      'count',
      'list',
      'bytes',
      'long',
      'at',
      'none',
      'inner',
      '__proto__',
    ]);
    expect(kept).toMatchObject({
      name: '',
      count: 3,
      list: [],
      bytes: null,
      long: null,
      at: new Date(0),
      none: null,
      inner: { text: '', innermost: { text: '' } },
    });
    expect(Object.getOwnPropertyDescriptor(kept, '__proto__')?.value).toStrictEqual({ text: '' });
    expect(Object.getPrototypeOf(kept)).toBe(Object.prototype);
  });

  it('is no part of a result: documents of a shape are whole, the one that is compiled for included', () => {
    const pipe = new Pipe({ decoder: { compileAfter: 3 } });
    for (let round = 0; round < 10; round++) {
      const documents = Array.from({ length: 3 }, (_, i) => ({
        _id: round * 3 + i,
        text: `document ${round} ${i}`,
        list: [{ text: `element ${i}`, deeper: [{ n: i, list: ['a', i] }] }],
        inner: { text: 'x'.repeat(i), wide: '漢字'.repeat(round) },
      }));
      const read = pipe.send(documents.map((document) => BSON.serialize(document)));
      expect(read.map((result) => ('value' in result ? result.value : result))).toStrictEqual(
        documents,
      );
    }
  });

  it('a chunk without documents can be read', () => {
    const reader = new TapeDecoder().open(emptyChunk(), {});
    expect(reader.length).toBe(0);
    expect(() => reader.next()).toThrow(RangeError);
  });
});

describe('what is kept alive of the objects that are written', () => {
  const parsed = JSON.parse(
    '{"a":1,"b":"text","c":{"d":[1,2]},"e":0.5,"f":true,"g":null}',
  ) as Document;

  it('has their keys, and none of their data', () => {
    for (const sample of objectsLike(parsed, Object.keys(parsed))) {
      expect(Object.entries(sample)).toStrictEqual([
        ['a', 0],
        ['b', ''],
        ['c', null],
        ['e', 0.5],
        ['f', null],
        ['g', null],
      ]);
    }
  });

  it('has their hidden class, so that V8 does not take it for gone', () => {
    v8.setFlagsFromString('--allow-natives-syntax');
    const haveSameMap = vm.runInThisContext('(a, b) => %HaveSameMap(a, b)') as (
      a: object,
      b: object,
    ) => boolean;
    // Called once while it may be: V8 reads a function when it is first called.
    expect(haveSameMap(parsed, parsed)).toBe(true);
    v8.setFlagsFromString('--no-allow-natives-syntax');
    const built: Document = {};
    for (const key of ['x', 'y', 'z']) built[key] = key === 'y' ? 2.5 : 'text';
    for (const object of [parsed, built]) {
      const keys = Object.keys(object);
      const alike = (samples: object[]): boolean =>
        samples.some((sample) => haveSameMap(sample, object));
      expect(alike(objectsLike(object, keys))).toBe(true);
      expect(alike(objectsLike(object, keys.slice(1)))).toBe(false);
    }
  });

  it('is made without asking a getter', () => {
    const writer = new BsonWriter(65_536);
    let asked = 0;
    for (let i = 0; i < 20; i++) {
      const document = {
        plain: i,
        get made() {
          return (asked += 1);
        },
      };
      writer.document(document, { ignoreUndefined: false, serializeFunctions: false });
    }
    expect(asked).toBe(20);
  });
});
