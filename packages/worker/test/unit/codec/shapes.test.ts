import { setFlagsFromString } from 'node:v8';
import { compileFunction } from 'node:vm';

import { BSON, Long, ObjectId } from 'mongodb';

import { encodeModeOf, type TapeChunk, TapeDecoder, TapeEncoder } from '../../support/internals';
import { assertSame } from '../../support/same';
import { assertExact, Pipe } from '../../support/tape';

function write(encoder: TapeEncoder, documents: object[]): void {
  for (const document of documents) {
    const bytes = BSON.serialize(document, { ignoreUndefined: false });
    encoder.write(bytes, 0, bytes.length);
  }
}

/** Shape id of each document that consists of ints only; 0 for those that crossed as BSON. */
function shapesOf(chunk: TapeChunk): number[] {
  return (chunk.shapes ?? []).map(({ id }) => id);
}

describe('a shape', () => {
  it('is made once it was seen a few times, and defined on a channel once', () => {
    const encoder = new TapeEncoder({ hotAfter: 3 });
    const channel = {};
    write(encoder, [{ a: 1 }, { a: 2 }]);
    expect(encoder.take(channel).shapes).toBeUndefined();
    write(encoder, [{ a: 3 }, { a: 4 }]);
    const chunk = encoder.take(channel);
    expect(chunk.shapes).toEqual([{ id: 1, serial: 1, kinds: [16, 0], keys: ['a'] }]);
    write(encoder, [{ a: 5 }]);
    expect(encoder.take(channel).shapes).toBeUndefined();
  });

  it('is defined anew on each other channel that needs it, and may arrive by any of them first', () => {
    const encoder = new TapeEncoder({ hotAfter: 1 });
    const channels = [{}, {}, {}];
    const chunks = channels.map((channel) => {
      write(encoder, [{ a: 1, b: { c: 'x' } }, { z: [{ q: 1 }] }]);
      return encoder.take(channel);
    });
    expect(chunks.map(shapesOf)).toEqual([
      [1, 2, 3],
      [1, 2, 3],
      [1, 2, 3],
    ]);
    const decoder = new TapeDecoder();
    for (const chunk of chunks.reverse()) {
      const documents: BSON.Document[] = [];
      decoder.open(chunk, {}).readInto(documents, Infinity);
      assertSame(documents, [{ a: 1, b: { c: 'x' } }, { z: [{ q: 1 }] }]);
    }
  });

  it('is learnt from a chunk that nobody wants to read', () => {
    const encoder = new TapeEncoder({ hotAfter: 1 });
    const decoder = new TapeDecoder();
    const channel = {};
    write(encoder, [{ a: 1 }]);
    decoder.learn(encoder.take(channel));
    write(encoder, [{ a: 2 }]);
    expect(decoder.open(encoder.take(channel), {}).next()).toEqual({ a: 2 });
  });

  it('gives all its documents one hidden class', () => {
    const { HasSameMap } = hiddenClasses();
    const pipe = new Pipe();
    const bytes = BSON.serialize({ _id: new ObjectId(), a: 'x', n: { b: 1, c: null }, l: [1] });
    const documents = pipe
      .send(Array.from({ length: 40 }, () => bytes))
      .slice(-10)
      .map((outcome) => ('value' in outcome ? outcome.value : undefined)) as { n: object }[];
    for (const document of documents) {
      expect(HasSameMap(document, documents[0])).toBe(true);
      expect(HasSameMap(document.n, documents[0].n)).toBe(true);
    }
  });

  it('is not split by a field that changes its type, or is null now and then', () => {
    const values = [
      1,
      2.5,
      'x',
      null,
      true,
      new Date(0),
      [1],
      { a: 1 },
      Long.MAX_VALUE,
      new ObjectId(),
      'é',
      -0,
    ];
    const encoder = new TapeEncoder({ hotAfter: 2 });
    for (let round = 0; round < 30; round++) {
      for (const [at] of values.entries()) {
        // Every combination of 12 types in 6 fields would be three million shapes.
        const value = (field: number) => values[(at + field * round) % values.length];
        write(encoder, [
          { a: value(0), b: value(1), c: value(2), d: value(3), e: value(4), f: value(5) },
        ]);
      }
    }
    expect(encoder.size.shapes).toBeLessThan(80);
    const channel = {};
    encoder.take(channel);
    const settled = encoder.size.shapes;
    write(encoder, [{ a: 1, b: null, c: 'x', d: [1], e: 1.5, f: true }]);
    expect(encoder.size.shapes).toBe(settled);
  });

  it('takes every pair of types in one field', () => {
    const values = [
      1,
      2.5,
      'x',
      'é',
      '漢',
      null,
      true,
      new Date(0),
      [1],
      [],
      { a: 1 },
      {},
      2n ** 60n,
      2n ** 40n,
      new ObjectId(),
      /a/,
      Buffer.from('b'),
      { $ref: 'a', $id: 1 },
      new BSON.Binary(Buffer.from('x'), 2),
    ];
    for (const one of values) {
      for (const other of values) {
        assertExact(
          [
            { k: one, z: 1 },
            { k: one, z: 1 },
            { k: other, z: 1 },
            { k: one, z: 1 },
          ].map((document) => BSON.serialize(document)),
          [{}, { promoteValues: false }],
        );
      }
    }
  });

  it('leaves a part with ever-new keys out of it', () => {
    const encoder = new TapeEncoder();
    const channel = {};
    const document = (at: number) => ({
      _id: at,
      counts: { [`user${at}`]: at },
      text: 'x'.repeat(200),
    });
    for (let at = 0; at < 500; at++) write(encoder, [document(at)]);
    encoder.take(channel);
    const before = encoder.size.nodes;
    for (let at = 500; at < 1_000; at++) write(encoder, [document(at)]);
    const chunk = encoder.take(channel);
    const documents: BSON.Document[] = [];
    const decoder = new TapeDecoder();
    expect(() => decoder.open(chunk, {}).next()).toThrow(/shape/);
    const fresh = encoder.take({});
    expect(fresh.count).toBe(0);
    write(encoder, [document(1_000)]);
    decoder.open(encoder.take({}), {}).readInto(documents, 1);
    decoder.open(chunk, {}).readInto(documents, Infinity);
    assertSame(documents.slice(0, 3), [document(1_000), document(500), document(501)]);
    expect(encoder.size.nodes - before).toBeLessThan(300);
  });
});

describe('ten thousand shapes', () => {
  const documents = Array.from({ length: 10_000 }, (_, at) =>
    BSON.serialize({ _id: at, [`key${at}`]: 'x', common: { a: 1, [`k${at % 100}`]: at } }),
  );

  it('stay exact, in memory that is bounded', () => {
    const pipe = new Pipe({ encoder: { hotAfter: 1 } });
    for (let round = 0; round < 3; round++) {
      pipe.send(documents).forEach((outcome, at) => {
        assertSame(outcome, { value: BSON.deserialize(documents[at]) });
      });
    }
    expect(pipe.encoder.size.shapes).toBeLessThanOrEqual(2_000);
    expect(pipe.encoder.size.nodes).toBeLessThanOrEqual(50_000);
  });

  it('that never come again do not keep later ones from being recognised', () => {
    const encoder = new TapeEncoder({ maxNodes: 2_000 });
    const channel = {};
    for (let at = 0; at < 30_000; at++) {
      write(encoder, [{ [`a${at % 50}`]: { [`b${at}`]: 1 }, [`c${at % 977}`]: 1 }]);
      if (at % 100 === 0) encoder.take(channel);
    }
    const shapes = encoder.size.shapes;
    for (let at = 0; at < 10_000; at++) {
      write(encoder, [{ late: 1, comer: 'x' }]);
      if (at % 100 === 0) encoder.take(channel);
    }
    encoder.take(channel);
    expect(encoder.size.shapes).toBeGreaterThan(shapes);
  });
});

describe('a chunk', () => {
  it('tells how much was written, and starts anew when taken', () => {
    const encoder = new TapeEncoder();
    write(encoder, [{ a: 1 }, { a: 2 }]);
    expect(encoder).toMatchObject({ count: 2, byteLength: 24 });
    expect(encoder.take({})).toMatchObject({ count: 2 });
    expect(encoder).toMatchObject({ count: 0, byteLength: 0 });
    const empty = encoder.take({});
    expect(empty).toMatchObject({ count: 0 });
    expect(new TapeDecoder().open(empty, {}).length).toBe(0);
  });

  it('is read as far as one likes, and says when it is at its end', () => {
    const encoder = new TapeEncoder({ hotAfter: 1 });
    write(encoder, [{ a: 1 }, { a: 2 }, { a: 3 }]);
    const reader = new TapeDecoder().open(encoder.take({}), {});
    expect(reader.next()).toEqual({ a: 1 });
    const target = [{ was: 'there' }] as BSON.Document[];
    expect(reader.readInto(target, 1)).toBe(1);
    expect(reader.length).toBe(1);
    expect(reader.readInto(target, 10)).toBe(1);
    expect(reader.readInto(target, 10)).toBe(0);
    expect(target).toEqual([{ was: 'there' }, { a: 2 }, { a: 3 }]);
    expect(() => reader.next()).toThrow(RangeError);
  });

  it('may hold documents for calls with different options', () => {
    const encoder = new TapeEncoder({ hotAfter: 1 });
    const bytes = BSON.serialize({ a: 1, b: 2n ** 40n });
    const optionSets = [{}, { promoteValues: false }, { raw: true }, { useBigInt64: true }];
    for (const options of optionSets) encoder.write(bytes, 0, bytes.length, encodeModeOf(options));
    const reader = new TapeDecoder().open(encoder.take({}), {});
    const documents = optionSets.map((options) => {
      reader.use(options);
      return reader.next();
    });
    assertSame(documents, [
      { a: 1, b: 2 ** 40 },
      BSON.deserialize(bytes, { promoteValues: false }),
      Buffer.from(bytes),
      { a: 1, b: 2n ** 40n },
    ]);
  });

  it('gives Node Buffers of exactly the documents where they are wanted raw', () => {
    const bytes = Buffer.from(BSON.serialize({ a: 1 }));
    const [outcome] = new Pipe().send([bytes, bytes], { raw: true });
    expect(outcome).toEqual({ value: bytes });
    expect(Buffer.isBuffer((outcome as { value: unknown }).value)).toBe(true);
  });

  it('keeps the binaries of different documents apart', () => {
    const bytes = BSON.serialize({ data: Buffer.from('same'), pad: 'x'.repeat(100) });
    const [, one, other] = new Pipe().send([bytes, bytes, bytes]) as {
      value: { data: BSON.Binary };
    }[];
    one.value.data.buffer.fill(0);
    expect(other.value.data.toString()).toBe('same');
  });
});

function hiddenClasses(): { HasSameMap(one: object, other: object): boolean } {
  setFlagsFromString('--allow-natives-syntax');
  const HasSameMap: unknown = compileFunction('return %HaveSameMap(one, other)', ['one', 'other']);
  return { HasSameMap: HasSameMap as (one: object, other: object) => boolean };
}
