import vm from 'node:vm';

import fc from 'fast-check';
import { Binary, BSON, Double, Int32, Long, ObjectId, type Document } from 'mongodb';

import { BsonWriter, type WriteOptions } from '../../support/internals';
import * as arbitrary from '../../support/arbitraries';

const EFFORT = Number(process.env.MONGO_OFFLOAD_TEST_EFFORT ?? 1);
const PLAIN: WriteOptions = { ignoreUndefined: false, serializeFunctions: false };

/** What became of a document: its bytes, or the error. */
function outcome(write: () => Uint8Array): string {
  try {
    return Buffer.from(write()).toString('hex');
  } catch (error) {
    return String(error);
  }
}

function written(writer: BsonWriter, document: object, options: WriteOptions): Uint8Array {
  const { bytes, at } = writer;
  writer.document(document, options);
  return writer.bytes.subarray(writer.bytes === bytes ? at : 0, writer.at);
}

function assertSame(writer: BsonWriter, document: Document, options: WriteOptions = PLAIN): void {
  expect(outcome(() => written(writer, document, options))).toBe(
    outcome(() => BSON.serialize(document, options)),
  );
}

/** Values that BSON.serialize writes, leaves out, or refuses, as plain objects and arrays. */
const { value: values } = fc.letrec<{ value: unknown; object: object }>((tie) => ({
  object: fc.dictionary(arbitrary.keys, tie('value'), { maxKeys: 6, noNullPrototype: false }),
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    { weight: 8, arbitrary: arbitrary.scalars },
    { weight: 1, arbitrary: fc.constantFrom(undefined, () => 1, Symbol('s'), new Date(NaN)) },
    { weight: 1, arbitrary: fc.constantFrom(new Map([['a', 1]]), new Set([1]), new Error('e')) },
    { weight: 1, arbitrary: fc.bigInt() },
    { weight: 3, arbitrary: tie('object') },
    { weight: 2, arbitrary: fc.array(tie('value'), { maxLength: 12 }) },
  ),
}));
const objects = fc.dictionary(arbitrary.keys, values, { maxKeys: 6, noNullPrototype: false });
const options = fc.record({ ignoreUndefined: fc.boolean(), serializeFunctions: fc.boolean() });

describe('what is written', () => {
  it('is what BSON.serialize writes, or the same error', () => {
    const writer = new BsonWriter(1_024);
    fc.assert(
      fc.property(objects, options, (document, chosen) => assertSame(writer, document, chosen)),
      { numRuns: 3_000 * EFFORT },
    );
  });

  it('is the same once its keys are known, whatever the values become', () => {
    const property = fc.property(
      fc.uniqueArray(arbitrary.keys, { maxLength: 8 }),
      fc.array(fc.array(values, { minLength: 8, maxLength: 8 }), { minLength: 12, maxLength: 12 }),
      (keys, rows) => {
        const writer = new BsonWriter(4_096);
        for (const row of rows) {
          assertSame(writer, Object.fromEntries(keys.map((key, i) => [key, row[i]])));
        }
      },
    );
    fc.assert(property, { numRuns: 150 * EFFORT });
  });

  it('is the same for objects that share keys in another order, or have more of them', () => {
    const writer = new BsonWriter(4_096);
    for (let i = 0; i < 40; i++) {
      for (const document of [
        { a: i, b: 'x' },
        { b: 'x', a: i },
        { a: i, b: 'x', c: null },
        { a: i },
        {},
      ])
        assertSame(writer, document);
    }
  });

  it('goes on in a larger buffer where one is full, in the midst of whatever', () => {
    for (let capacity = 16; capacity < 600; capacity += 7) {
      const writer = new BsonWriter(capacity);
      for (let i = 0; i < 12; i++) {
        assertSame(writer, {
          text: 'x'.repeat(i * 9),
          nested: {
            list: [1, 'two', { three: 3n }, new ObjectId(), Buffer.alloc(i * 5)],
            on: true,
          },
          wide: '漢字'.repeat(i),
          last: 1.5,
        });
      }
    }
  });

  it('is the same for numbers at their borders', () => {
    const writer = new BsonWriter(4_096);
    const numbers = [
      0,
      -0,
      2 ** 31 - 1,
      2 ** 31,
      -(2 ** 31),
      -(2 ** 31) - 1,
      2 ** 53,
      2 ** 63,
      1e300,
    ];
    for (let round = 0; round < 12; round++) {
      for (const n of [...numbers, NaN, Infinity, 0.1]) assertSame(writer, { n, list: [n] });
      for (const n of [2n ** 63n, -(2n ** 63n) - 1n, 2n ** 64n + 5n]) assertSame(writer, { n });
    }
    for (const time of [0, -1, 8.64e15, -8.64e15, 2 ** 32, -(2 ** 32) - 1, 1.9]) {
      assertSame(writer, { time: new Date(time) });
    }
  });

  it('asks toBSON, wherever it comes from', () => {
    class Money {
      constructor(readonly cents: number) {}
      toBSON(): Document {
        return { cents: Long.fromNumber(this.cents) };
      }
    }
    class Point {
      z = 3;
      constructor(
        readonly x: number,
        readonly y: number,
      ) {}
    }
    const writer = new BsonWriter(4_096);
    for (let i = 0; i < 12; i++) {
      assertSame(writer, { money: new Money(i), list: [new Money(1)] });
      assertSame(writer, { point: new Point(i, 2) });
      assertSame(writer, new Point(i, 2));
      assertSame(writer, { own: { toBSON: () => i } });
      assertSame(writer, { toBSON: () => ({ i }) });
      assertSame(writer, { toBSON: i, plain: 1 });
    }
    const strings = String.prototype as { toBSON?: () => unknown };
    strings.toBSON = () => 7;
    try {
      assertSame(writer, { text: 'seven' });
    } finally {
      delete strings.toBSON;
    }
  });

  it('refuses what BSON.serialize refuses, with its error', () => {
    const writer = new BsonWriter(4_096);
    const circle: Document = { a: 1 };
    circle.self = circle;
    const round: unknown[] = [];
    round.push({ round });
    const strange = { _bsontype: 'Unknown' };
    for (let i = 0; i < 12; i++) {
      for (const document of [
        circle,
        { round },
        { 'a\0b': 1 },
        strange,
        { strange },
        new Date(),
        [1],
        null,
      ])
        assertSame(writer, document as Document);
    }
    assertSame(writer, { good: 1 });
  });

  it('is the same for other realms, null prototypes, frozen objects, getters, holes and subclasses', () => {
    class List extends Array<unknown> {}
    class Id extends ObjectId {}
    const foreign = vm.runInNewContext(
      '({ a: [1, "x"], d: new Date(5), r: /x/i, m: new Map([["k", 1]]), o: { p: null }, u: new Uint8Array([1, 2]) })',
    ) as Document;
    const bare = Object.assign(Object.create(null) as Document, { a: 1, b: { c: 2 } });
    const inheriting = Object.assign(Object.create({ inherited: 1 }) as Document, { own: 2 });
    const writer = new BsonWriter(4_096);
    for (let i = 0; i < 12; i++) {
      assertSame(writer, foreign);
      assertSame(writer, { foreign, bare, inheriting });
      assertSame(writer, bare);
      assertSame(writer, inheriting);
      assertSame(writer, Object.freeze({ a: Object.freeze([i]) }));
      assertSame(writer, {
        get now() {
          return i;
        },
      });
      // eslint-disable-next-line no-sparse-arrays -- a hole is what is tested
      assertSame(writer, { holes: [1, , 3], list: List.from([1, 'a']), id: new Id() });
      assertSame(writer, { list: Array.from({ length: 120 }, (_, at) => at) });
      assertSame(writer, {
        b: new Binary(Buffer.from('abc'), 2),
        i: new Int32(1),
        d: new Double(2),
      });
      assertSame(writer, { proxy: new Proxy({ a: 1 }, {}) });
    }
  });

  it('is bounded in what it remembers: ever-new keys are written without being learnt', () => {
    const writer = new BsonWriter(65_536);
    for (let i = 0; i < 20_000; i++) {
      const document = { [`key${i}`]: i, [`other${i % 7}`]: { [`deep${i}`]: 1 } };
      if (i % 500 === 0) assertSame(writer, document);
      else written(writer, document, PLAIN);
    }
    for (let i = 0; i < 20; i++) assertSame(writer, { known: i });
  });

  it('is the same for objects with very many keys, wherever the buffer ends', () => {
    const many = (count: number, value: unknown): Document =>
      Object.fromEntries(
        Array.from({ length: count }, (_, n) => [`k${(n * 7919) % count}`, value]),
      );
    const inner = many(1_000, 'é');
    const document: Document = { ...many(5_000, 'text'), inner, again: inner, list: [inner, {}] };
    for (const capacity of [64, 1_024, 65_536, 1_000_000]) {
      const writer = new BsonWriter(capacity);
      for (let round = 0; round < 3; round++) {
        assertSame(writer, document);
        document[`more${capacity}${round}`] = round;
        inner.more = round;
        assertSame(writer, { document });
      }
      assertSame(writer, { ...document, 'a\0b': 1 });
      delete inner.more;
      assertSame(writer, document);
    }
  });

  it('is read once, however often the buffer is full', () => {
    let begun = 0;
    const document: Document = {
      first: 0,
      ...Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`k${n}`, 'x'.repeat(10_000)])),
    };
    Object.defineProperty(document, 'first', { enumerable: true, get: () => (begun += 1) });
    const writer = new BsonWriter(1_024);
    begun = 0;
    writer.document(document, PLAIN);
    expect(writer.at).toBeGreaterThan(3_000_000);
    expect(begun).toBe(1);

    begun = 0;
    writer.document(document, PLAIN, undefined, writer.at + 30_000);
    expect(begun).toBe(1);
  });

  it('is not what it was before an attempt that failed', () => {
    const writer = new BsonWriter(256);
    writer.document({ a: 1 }, PLAIN);
    const { at } = writer;
    expect(() => writer.document({ 'b\0': 1 }, PLAIN)).toThrow(/null bytes/);
    expect(writer.at).toBe(at);
  });
});
