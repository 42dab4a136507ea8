import fc from 'fast-check';
import { Binary, BSON, BSONRegExp, Code, Double, Long, ObjectId, type Document } from 'mongodb';

import { decodeFaithful } from '../../support/internals';
import * as arbitrary from '../../support/arbitraries';
import * as raw from '../../support/bytes';
import { assertSame } from '../../support/same';

const EFFORT = Number(process.env.MONGO_OFFLOAD_TEST_EFFORT ?? 1);

function assertFaithful(value: Document): Document {
  const bytes = Buffer.from(BSON.serialize(value));
  const decoded = decodeFaithful(bytes);
  expect(Buffer.from(BSON.serialize(decoded)).toString('hex')).toBe(bytes.toString('hex'));
  return decoded;
}

describe('what is decoded faithfully', () => {
  it('serialises to the same bytes, for Maps with any keys in any order', () => {
    fc.assert(
      fc.property(arbitrary.documents, (document) => void assertFaithful(document)),
      { numRuns: 2_000 * EFFORT },
    );
  });

  it('serialises to the same bytes, for plain objects', () => {
    fc.assert(
      fc.property(fc.dictionary(arbitrary.keys, arbitrary.values, { maxKeys: 8 }), (document) => {
        const plain = Object.fromEntries(Object.entries(document));
        assertFaithful(plain);
      }),
      { numRuns: 1_000 * EFFORT },
    );
  });

  it('is plain where the original was plain', () => {
    const document = {
      $set: { a: 1, b: 1.5, c: 'x', d: null, e: true, 'f.g': [1, { h: 2 }] },
      when: new Date(5),
      id: new ObjectId(),
      ten: { 0: 'a', 1: 'b', x: 'c' },
    };
    const decoded = assertFaithful(document);
    assertSame(decoded, document);
    expect(Object.keys(decoded)[0].startsWith('$')).toBe(true);
  });

  it('has a class of bson only where a plain value would be written differently', () => {
    const decoded = assertFaithful({
      int: 1,
      double: new Double(1),
      half: 0.5,
      large: 2 ** 31,
      minusZero: -0,
      nan: NaN,
      infinity: -Infinity,
      long: Long.fromNumber(1),
      big: 1n,
      native: /a/i,
      both: /a/gm,
      posix: new BSONRegExp('(', 'x'),
    });
    assertSame(decoded.double, new Double(1));
    assertSame(decoded.long, Long.fromNumber(1));
    assertSame(decoded.big, Long.fromNumber(1));
    for (const key of ['int', 'half', 'large', 'minusZero', 'nan', 'infinity']) {
      expect(typeof decoded[key]).toBe('number');
    }
    assertSame(decoded.native, new BSONRegExp('a', 'i'));
  });

  it('is a Map where an object would change the order or the meaning of keys', () => {
    const maps = [
      [
        ['b', 1],
        ['1', 2],
      ],
      [
        ['2', 1],
        ['1', 2],
      ],
      [
        ['_bsontype', 'ObjectId'],
        ['x', 1],
      ],
      // Written as U+FFFD both, so that one key comes twice.
      [
        ['\ud800', 1],
        ['\udc00', 2],
      ],
    ] as [string, unknown][][];
    for (const entries of maps) {
      expect(assertFaithful(new Map(entries))).toHaveProperty('size');
      expect(
        assertFaithful({ nested: new Map(entries), list: [new Map(entries)] }).nested,
      ).toHaveProperty('size');
      assertFaithful({ code: new Code('f', new Map(entries)) });
    }
  });

  it('has __proto__ as a property of its own', () => {
    const decoded = assertFaithful(
      new Map<string, unknown>([
        ['__proto__', { polluted: true }],
        ['a', 1],
      ]),
    );
    expect(Object.keys(decoded)).toEqual(['__proto__', 'a']);
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype);
    expect({}).not.toHaveProperty('polluted');
  });

  it('leaves {$ref, $id} as it stands', () => {
    const decoded = assertFaithful({
      r: new BSON.DBRef('c', new ObjectId(), 'd', { x: 1 }),
      $ref: 'a',
      $id: 1,
    });
    expect(Object.keys(decoded.r as object)).toEqual(['$ref', '$id', '$db', 'x']);
    expect(Object.keys(decoded)).toEqual(['r', '$ref', '$id']);
  });

  it('holds what JavaScript hides in arrays: undefined and holes are null', () => {
    // eslint-disable-next-line no-sparse-arrays
    assertSame(assertFaithful({ list: [undefined, , null] }), { list: [null, null, null] });
    assertSame(assertFaithful({ gone: undefined, n: { gone: undefined } }), { n: {} });
  });

  it('has binaries of every subtype', () => {
    for (let subtype = 0; subtype < 256; subtype++) {
      if (subtype === Binary.SUBTYPE_VECTOR) continue;
      assertFaithful({
        b: new Binary(Buffer.from('0123456789abcdef'), subtype),
        c: new Binary(Buffer.from(''), subtype),
      });
    }
    assertFaithful({
      v: Binary.fromFloat32Array(Float32Array.of(1, 2.5)),
      i: Binary.fromInt8Array(Int8Array.of(1)),
    });
    assertFaithful({ grown: growing() });
  });

  it('has regular expressions that only a flag made valid', () => {
    assertFaithful({
      a: new RegExp('[\\p{L}--[a-z]]', 'v'),
      b: /\u{1F600}/u,
      c: new RegExp('[\\p{L}--[a-z]]', 'gmv'),
      d: /\//g,
      e: /a\nb/gm,
      f: /(?<x>.)\k<x>/gim,
    });
  });

  it('may lie anywhere in its bytes', () => {
    const document = { a: 1, b: { c: ['x'] } };
    const bytes = BSON.serialize(document);
    const padded = Buffer.concat([Buffer.from('pad'), bytes, Buffer.from('pad')]);
    assertSame(decodeFaithful(padded, 3), document);
    assertSame(decodeFaithful(new Uint8Array(padded).subarray(1), 2), document);
  });

  it('may be nested as deeply as BSON.serialize writes', () => {
    let document: Document = { a: 1 };
    for (let depth = 0; depth < 10_000; depth++)
      document = depth % 2 ? { d: document } : { l: [document] };
    assertFaithful(document);
  });
});

describe('what BSON.serialize never wrote', () => {
  it.each([
    ['a length that is too large', raw.int32(100)],
    ['a length that is too small', raw.int32(4)],
    ['a negative length', raw.int32(-1)],
    ['no terminator', Buffer.of(5, 0, 0, 0, 1)],
    ['a type that is none', raw.document(raw.element(0x40, 'a'))],
    ['undefined', raw.document(raw.element(0x06, 'a'))],
    [
      'a string that is longer than the document',
      raw.document(raw.element(2, 'a', raw.int32(1_000))),
    ],
    ['a string of no bytes', raw.document(raw.element(2, 'a', raw.int32(0)))],
    ['a key without end', Buffer.of(8, 0, 0, 0, 0x10, 0x61, 0x61, 0x61)],
    ['a binary of negative length', raw.document(raw.element(5, 'a', raw.int32(-5), Buffer.of(0)))],
    ['a value that is cut off', raw.document(raw.element(7, 'a', Buffer.alloc(3)))],
  ])('throws a BSONError: %s', (_, bytes) => {
    expect(() => decodeFaithful(bytes)).toThrow(BSON.BSONError);
  });
});

/** A Binary whose buffer is larger than what it holds. */
function growing(): Binary {
  const binary = new Binary();
  binary.put(1);
  return binary;
}
