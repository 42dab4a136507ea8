import { BSON, ObjectId } from 'mongodb';

import { TapeDecoder, TapeEncoder } from '../../support/internals';
import * as raw from '../../support/bytes';
import { assertDocument, assertExact, Pipe } from '../../support/tape';

describe('documents in documents', () => {
  const nested = (depth: number, type: 3 | 4 | 'both') => {
    let bytes = raw.document(raw.element(0x10, '0', raw.int32(1)));
    for (let level = 0; level < depth; level++) {
      const outer = type === 'both' ? (level % 2 === 0 ? 3 : 4) : type;
      bytes = raw.document(raw.element(level === depth - 1 ? 3 : outer, 'a', bytes));
    }
    return bytes;
  };
  it.each([1, 2, 10, 90, 99, 100, 101, 102, 150, 199, 200, 201, 202, 400, 1_000])(
    '%i deep',
    (depth) => {
      for (const type of [3, 4, 'both'] as const) {
        const bytes = nested(depth, type);
        const pipe = new Pipe();
        for (let round = 0; round < 4; round++) {
          assertDocument(pipe.send([bytes])[0], BSON.deserialize(bytes));
        }
      }
    },
  );

  it('10,000 deep do not exhaust the stack', () => {
    for (const type of [3, 4, 'both'] as const) {
      const bytes = nested(10_000, type);
      const pipe = new Pipe();
      for (let round = 0; round < 3; round++) {
        let [{ value }] = pipe.send([bytes]) as [{ value: Record<string, object> }];
        let depth = 0;
        while (typeof value === 'object') {
          value = Object.values(value)[0] as typeof value;
          depth++;
        }
        expect(depth).toBe(10_001);
      }
    }
  });
});

describe('documents with many fields', () => {
  it.each([100, 998, 999, 1_000, 1_001, 5_000])('%i of them', (count) => {
    const document = Object.fromEntries(Array.from({ length: count }, (_, at) => [`f${at}`, at]));
    assertExact([BSON.serialize(document)], [{}, { promoteValues: false }]);
  });
});

describe('arrays of everything', () => {
  const values = [
    1,
    -1.5,
    'a',
    'é',
    '漢',
    true,
    false,
    null,
    new Date(1),
    new ObjectId(),
    2n ** 40n,
    2n ** 60n,
    /a/,
    Buffer.from('x'),
    { a: 1 },
    {},
    [],
    [1],
    [[]],
    [{ b: [1] }],
    new BSON.MinKey(),
    new BSON.Code('x'),
    new BSON.UUID(),
    BSON.Decimal128.fromString('1.5'),
    new BSON.Timestamp({ t: 1, i: 2 }),
    undefined,
  ];
  it.each(values.map((value, at) => [at, value]))('%#', (_, value) => {
    const list = Array.from({ length: 5 }, () => value);
    const documents = [
      { list },
      { list: [list, list] },
      { list: [...list, 1, ...list, 'x', value] },
      { list: [null, value, null] },
    ];
    assertExact(documents.map((document) => BSON.serialize(document)));
  });

  it('at once, in any order', () => {
    for (let turn = 0; turn < values.length; turn++) {
      const list = [...values.slice(turn), ...values.slice(0, turn)];
      assertExact([BSON.serialize({ list, after: [list] })], [{}]);
    }
  });
});

describe('what a kept document keeps alive', () => {
  it('is one block of text, not the chunk', () => {
    const encoder = new TapeEncoder({ hotAfter: 1 });
    const count = 20_000;
    for (let at = 0; at < count; at++) {
      const bytes = BSON.serialize({ _id: at, text: `${at}`.padEnd(1_000, 'x') });
      encoder.write(bytes, 0, bytes.length);
    }
    const reader = new TapeDecoder().open(encoder.take({}), {});
    let kept: BSON.Document | undefined;
    for (let at = 0; at < count; at++) {
      const document = reader.next();
      if (at === count / 2) kept = document;
    }
    // The parent of a sliced string cannot be seen from here; what can be seen is that blocks are cut.
    expect(kept).toEqual({ _id: count / 2, text: `${count / 2}`.padEnd(1_000, 'x') });
    expect(blockSizes(encoder, 1_000)).toBeLessThanOrEqual(34_000);
  });
});

/** The largest block of a chunk with strings of this length. */
function blockSizes(encoder: TapeEncoder, length: number): number {
  for (let at = 0; at < 200; at++) {
    const bytes = BSON.serialize({ _id: at, text: 'x'.repeat(length) });
    encoder.write(bytes, 0, bytes.length);
  }
  const { buffer } = encoder.take({});
  const [, , doubles, ints, blocks] = new Int32Array(buffer, 0, 8);
  const table = new Int32Array(buffer, 32 + doubles * 8 + ints * 4, blocks);
  return Math.max(...table.filter((_, at) => at % 3 === 1));
}
