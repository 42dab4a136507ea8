import { BSON } from 'mongodb';

import * as raw from '../../support/bytes';
import { assertDocument, assertExact, Pipe } from '../../support/tape';

const one = raw.int32(1);
const field = (key: string | Uint8Array, value: Uint8Array = one) => raw.element(0x10, key, value);

/** The last of several documents of one shape: off the tape, by a compiled reader. */
function readFromTape(bytes: Uint8Array): Record<string, unknown> {
  const pipe = new Pipe();
  const documents = Array.from({ length: 8 }, () => bytes);
  const outcome = pipe.send(documents).at(-1)!;
  if ('error' in outcome) throw new Error(outcome.error);
  return outcome.value as Record<string, unknown>;
}

describe('keys', () => {
  it.each([
    'a',
    '',
    ' ',
    '0',
    '1',
    '01',
    '-1',
    '1.5',
    '4294967294',
    '4294967295',
    'constructor',
    'prototype',
    'toString',
    'valueOf',
    'hasOwnProperty',
    '__proto__',
    '__defineGetter__',
    'length',
    'name',
    'then',
    'get',
    'set',
    'async',
    '"',
    "'",
    '`',
    '\\',
    '\n',
    '\r',
    '\u2028',
    '\u2029',
    '${x}',
    '*/',
    '//',
    '};',
    ']',
    '"]: 0, x: ["',
    '"};globalThis.polluted=1;//',
    '"+globalThis.process.exit(1)+"',
    '\ufeff',
    '\ufffd',
    'é',
    '漢字',
    '𝒳',
    'a.b',
    'a b',
    '$a',
    '$ref',
    '$id',
    '$db',
    'a'.repeat(254),
    'a'.repeat(255),
    'a'.repeat(256),
    'é'.repeat(500),
  ])('%j is a key as any other', (key) => {
    const scalar = raw.document(field(key));
    const between = raw.document(field('first'), field(key), raw.element(2, 'last', raw.text('x')));
    const nested = raw.document(raw.element(3, key, raw.document(field(key))), field('z'));
    const list = raw.document(
      raw.element(4, key, raw.document(raw.element(3, '0', scalar), raw.element(3, '1', between))),
    );
    assertExact([scalar, between, nested, list]);
    expect(globalThis).not.toHaveProperty('polluted');
  });

  it('keep the order that BSON.deserialize gives them: integers first', () => {
    const bytes = raw.document(field('b'), field('10'), field('9'), field('a'), field('0'));
    assertExact([bytes]);
    expect(Object.keys(readFromTape(bytes))).toEqual(['0', '9', '10', 'b', 'a']);
  });

  it('that are repeated leave the last value in the first place', () => {
    assertExact([
      raw.document(field('a', raw.int32(1)), field('b'), field('a', raw.int32(2))),
      raw.document(raw.element(3, 'n', raw.document(field('a'), field('a', raw.int32(2))))),
      raw.document(raw.element(3, 'a', raw.document(field('b'))), field('a')),
      raw.document(field('__proto__'), field('__proto__', raw.int32(2))),
      // Two keys that become one, because neither is UTF-8.
      raw.document(field(Buffer.of(0xff)), field(Buffer.of(0xfe), raw.int32(2))),
      raw.document(field('\ufffd'), field(Buffer.of(0xed, 0xa0, 0x80), raw.int32(2)), field('z')),
    ]);
  });

  it('named __proto__ make an own property, and change no prototype', () => {
    const evil = BSON.serialize(new Map([['polluted', true]]));
    const bytes = raw.document(
      field('a'),
      raw.element(3, '__proto__', evil),
      raw.element(3, 'constructor', raw.document(raw.element(3, 'prototype', evil))),
    );
    assertExact([bytes]);
    const document = readFromTape(bytes);
    expect(Object.getPrototypeOf(document)).toBe(Object.prototype);
    expect(Object.keys(document)).toEqual(['a', '__proto__', 'constructor']);
    expect({}).not.toHaveProperty('polluted');
  });

  it('of arrays do not matter', () => {
    const list = (...keys: string[]) =>
      raw.document(raw.element(4, 'a', raw.document(...keys.map((key) => field(key)))));
    assertExact([
      list('0', '1'),
      list('1', '0'),
      list('x', 'x'),
      list('', ''),
      list('$ref', '$id'),
      list('12345678'),
    ]);
  });

  it('may hide their arrays from fieldsAsRaw, as Object.prototype does for bson', () => {
    const inner = raw.document(raw.element(3, '0', raw.document(field('x'))));
    for (const key of ['constructor', 'toString', '__proto__', 'plain']) {
      const bytes = raw.document(raw.element(4, key, inner), field('z'));
      assertExact(
        [bytes, raw.document(field(key), field('z'))],
        [{}, { fieldsAsRaw: {} }, { fieldsAsRaw: { plain: true } }],
      );
    }
  });

  it('that come in a DBRef make one', () => {
    const id = raw.element(7, '$id', Buffer.alloc(12, 7));
    const reference = raw.document(raw.element(2, '$ref', raw.text('c')), id);
    const full = raw.document(
      raw.element(2, '$ref', raw.text('c')),
      id,
      raw.element(2, '$db', raw.text('d')),
      field('x'),
    );
    const late = raw.document(field('x'), raw.element(2, '$ref', raw.text('c')), id);
    const none = raw.document(field('$set'), raw.element(2, '$ref', raw.text('c')), id);
    assertExact(
      [reference, full, late, none].flatMap((bytes) => [
        bytes,
        raw.document(raw.element(3, 'r', bytes), field('z')),
        raw.document(
          raw.element(4, 'r', raw.document(raw.element(3, '0', bytes), raw.element(3, '1', full))),
        ),
      ]),
    );
  });

  it('are text only: a document cannot make code', () => {
    const bytes = BSON.serialize(
      new Map([
        ['x}; throw 1; //', 1],
        ["'); process.exit(); ('", 2],
      ]),
    );
    assertDocument(new Pipe().send([bytes, bytes, bytes, bytes])[3], BSON.deserialize(bytes));
  });
});
