import fc from 'fast-check';
import {
  Binary,
  BSONRegExp,
  BSONSymbol,
  Code,
  DBRef,
  Decimal128,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
  UUID,
} from 'mongodb';

import * as raw from './bytes';

/** Few, so that documents share shapes and differ in kinds; with those that JavaScript treats specially. */
export const keys = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('a', 'b', '_id', 'name', 'abc', 'abcd', 'abcde') },
  {
    weight: 4,
    arbitrary: fc.constantFrom('0', '1', '10', '__proto__', 'constructor', 'toString', 'length'),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', '$ref', '$id', '$set', 'é', '漢字', '\u2028', 'a'.repeat(300)),
  },
  {
    weight: 1,
    arbitrary: fc.string({ unit: 'binary', maxLength: 12 }).map((key) => key.replaceAll('\0', '')),
  },
);

export const strings = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '',
    'ÿ',
    'Ā',
    '\u0000',
    '\ufffd',
    '\ufeffbom',
    '𝒳',
    'x'.repeat(511),
    'x'.repeat(700),
  ),
  fc.constantFrom(`${'x'.repeat(600)}é`, `${'x'.repeat(600)}漢`, '\ud800', 'a\udc00b'),
);

const int32s = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const longs = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(
    2n ** 53n,
    2n ** 53n + 1n,
    2n ** 53n - 1n,
    -(2n ** 53n),
    -(2n ** 53n) - 1n,
    0n,
    -1n,
    2n ** 32n,
  ),
);
const bytes = fc.uint8Array({ maxLength: 40 }).map((content) => Buffer.from(content));

/** Every type that BSON.serialize writes. */
export const scalars: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: strings },
  { weight: 4, arbitrary: int32s },
  { weight: 3, arbitrary: fc.double() },
  { weight: 3, arbitrary: fc.boolean() },
  { weight: 3, arbitrary: fc.constant(null) },
  { weight: 2, arbitrary: longs.map((value) => Long.fromBigInt(value)) },
  longs,
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ minLength: 12, maxLength: 12 }).map((id) => new ObjectId(id)),
  fc.constantFrom(new Int32(7), new Double(1), new Double(-0), new Double(NaN), -0, NaN, Infinity),
  fc
    .tuple(bytes, fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7, 8, 128, 255))
    .map(([content, subtype]) => new Binary(content, subtype)),
  bytes,
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((content) => new UUID(Buffer.from(content))),
  fc
    .uint8Array({ minLength: 16, maxLength: 16 })
    .map((content) => new Decimal128(Buffer.from(content))),
  fc.tuple(fc.nat(), fc.nat()).map(([t, i]) => new Timestamp({ t, i: i * 2 })),
  fc.constantFrom(/a/, /b+/i, /c/g, /d/gim, /\//u, /\n/s),
  fc.constantFrom(new BSONRegExp('a('), new BSONRegExp('a', 'ims'), new BSONRegExp('b', 'lux')),
  fc.constantFrom(new MinKey(), new MaxKey()),
  strings.map((value) => new BSONSymbol(value)),
  strings.map((value) => new Code(value)),
  fc
    .tuple(strings, fc.dictionary(keys, int32s, { maxKeys: 2 }))
    .map(([code, scope]) => new Code(code, scope)),
  fc
    .uint8Array({ minLength: 12, maxLength: 12 })
    .map((id) => new DBRef('c', new ObjectId(id), 'db')),
);

/** Values with documents (as Maps, which carry any keys in any order) and arrays, uniform ones among them. */
export const { document: documents, value: values } = fc.letrec<{
  document: Map<string, unknown>;
  value: unknown;
  array: unknown[];
}>((tie) => ({
  document: fc
    .uniqueArray(fc.tuple(keys, tie('value')), { selector: ([key]) => key, maxLength: 6 })
    .map((entries) => new Map(entries)),
  array: fc.oneof(
    fc.array(tie('value'), { maxLength: 5 }),
    fc.array(int32s, { maxLength: 8 }),
    fc.array(fc.double(), { maxLength: 8 }),
    fc.array(strings, { maxLength: 5 }),
    fc.array(tie('document'), { maxLength: 3 }),
  ),
  value: fc.oneof(
    { maxDepth: 5, depthSize: 'small', withCrossShrink: true },
    { weight: 5, arbitrary: scalars },
    { weight: 1, arbitrary: tie('document') },
    { weight: 1, arbitrary: tie('array') },
  ),
}));

const rawKeys = fc.oneof(
  { weight: 6, arbitrary: keys.map((key) => Buffer.from(key)) },
  { weight: 1, arbitrary: fc.uint8Array({ min: 1, maxLength: 8 }) },
);
const rawText = fc.oneof(
  { weight: 6, arbitrary: strings.map((value) => raw.text(value)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 20 }).map((content) => raw.text(content)) },
);
const sized = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

/** [type, value] for every type byte there is, undefined, DBPointer and what BSON.serialize never writes included. */
const rawScalars = fc.oneof<fc.Arbitrary<[number, Uint8Array]>[]>(
  fc.tuple(fc.constantFrom(0x01, 0x09, 0x11, 0x12), sized(8)),
  fc.tuple(fc.constantFrom(0x02, 0x0d, 0x0e), rawText),
  fc.tuple(fc.constantFrom(0x06, 0x0a, 0x7f, 0xff), fc.constant(Buffer.alloc(0))),
  fc.tuple(fc.constant(0x07), sized(12)),
  fc.tuple(fc.constant(0x08), fc.constantFrom(Buffer.of(0), Buffer.of(1), Buffer.of(2))),
  fc.tuple(fc.constant(0x10), sized(4)),
  fc.tuple(fc.constant(0x13), sized(16)),
  fc
    .tuple(fc.nat(255), fc.uint8Array({ maxLength: 20 }))
    .map(([subtype, content]) => [
      0x05,
      Buffer.concat([raw.int32(content.length), Buffer.of(subtype), content]),
    ]),
  fc
    .tuple(
      fc.constantFrom('a', '(', '[', 'é'),
      fc.constantFrom('', 'i', 'ims', 'sm', 'g', 'q', 'x'),
    )
    .map(([pattern, flags]) => [0x0b, Buffer.concat([raw.cString(pattern), raw.cString(flags)])]),
  fc.tuple(rawText, sized(12)).map(([namespace, id]) => [0x0c, Buffer.concat([namespace, id])]),
  fc.tuple(rawText).map(([code]) => {
    const scope = raw.document(raw.element(0x10, 'x', raw.int32(1)));
    return [0x0f, Buffer.concat([raw.int32(4 + code.length + scope.length), code, scope])];
  }),
  fc.tuple(fc.nat(255), sized(4)),
);

/** Documents as bytes: any keys, repeated ones too, array keys that are no numbers, text that is not UTF-8. */
export const rawDocuments: fc.Arbitrary<Uint8Array> = fc.letrec<{
  document: Buffer;
  element: Buffer;
}>((tie) => ({
  document: fc.array(tie('element'), { maxLength: 6 }).map((elements) => raw.document(...elements)),
  element: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    {
      weight: 5,
      arbitrary: fc
        .tuple(rawKeys, rawScalars)
        .map(([key, [type, value]]) => raw.element(type, key, value)),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom(0x03, 0x04), rawKeys, tie('document'))
        .map(([type, key, value]) => raw.element(type, key, value)),
    },
  ),
})).document;
