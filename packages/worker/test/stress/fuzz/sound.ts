import { BSON } from 'mongodb';

import * as raw from '../../support/bytes';
import type { Random } from './random';

const KEYS = ['a', 'b', 'c', '_id', 'name', 'abc', 'abcd', 'abcde', 'text', 'list', 'n'];
/** Keys that JavaScript, bson or a compiled reader could take for something else than data. */
export const TELLING_KEYS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'length',
  '0',
  '1',
  '10',
  '-1',
  '',
  '$ref',
  '$id',
  '$db',
  '$set',
  '_bsontype',
  'toBSON',
  'then',
  'é',
  '漢字',
  '\u2028',
  '\ufeff',
  '"',
  "'];process.abort();['",
  '${process.abort()}',
  '\\',
  'k'.repeat(300),
];
const TEXTS = [
  '',
  'ÿ',
  'Ā',
  'é',
  '漢字',
  '𝒳',
  '\u0000',
  '\ufffd',
  '\ufeffbom',
  'x'.repeat(511),
  'x'.repeat(700),
  `${'x'.repeat(600)}é`,
  `${'x'.repeat(600)}漢`,
];
const INT64S = [
  2n ** 53n,
  2n ** 53n + 1n,
  2n ** 53n - 1n,
  -(2n ** 53n),
  -(2n ** 53n) - 1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  0n,
  -1n,
  2n ** 32n,
];
const DOUBLES = [0, -0, 1, -1, 0.5, NaN, Infinity, -Infinity, 2 ** 31, 2 ** 53, 5e-324];

const COMMON_TYPES = [0x02, 0x10, 0x01, 0x08, 0x0a, 0x07, 0x09, 0x12, 0x03, 0x04];
const ALL_TYPES = [
  ...COMMON_TYPES,
  ...[0x05, 0x06, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x11, 0x13, 0x7f, 0xff],
];

/**
 * The skeleton of documents: their keys and types, from which any number of documents with other values can
 * be made, as a collection has them.
 */
export type Template = Field[];
interface Field {
  key: string;
  type: number;
  nested: Template;
}

export function template(random: Random, depth = 0): Template {
  const fields: Template = [];
  const types = random.oneIn(2) ? COMMON_TYPES : ALL_TYPES;
  for (let count = random.below(depth === 0 ? 10 : 5); count > 0; count--) {
    let type = random.of(types);
    if ((type === 0x03 || type === 0x04 || type === 0x0f) && depth > 3) type = 0x10;
    fields.push({
      key: random.oneIn(8) ? random.of(TELLING_KEYS) : random.of(KEYS),
      type,
      nested: template(random, depth + 1),
    });
    if (depth > 3) break;
  }
  return fields;
}

/** A document of that template. Now and then a field is missing, null or of another type. */
export function instance(random: Random, fields: Template): Buffer {
  const elements: Buffer[] = [];
  for (const { key, type, nested } of fields) {
    if (random.oneIn(30)) continue;
    let actual = type;
    if (random.oneIn(30)) actual = 0x0a;
    else if (random.oneIn(40)) actual = random.of(ALL_TYPES);
    elements.push(raw.element(actual, key, value(random, actual, nested)));
  }
  return raw.document(...elements);
}

export function value(random: Random, type: number, nested: Template): Uint8Array {
  switch (type) {
    case 0x01: {
      const bytes = random.bytes(8);
      if (random.oneIn(2)) bytes.writeDoubleLE(random.of(DOUBLES));
      return bytes;
    }
    case 0x02:
    case 0x0d:
    case 0x0e:
      return raw.text(text(random));
    case 0x03:
      return random.oneIn(20) ? reference(random) : instance(random, nested);
    case 0x04:
      return array(random, nested);
    case 0x05:
      return binary(random);
    case 0x07:
      return random.bytes(12);
    case 0x08:
      return Buffer.of(random.below(2));
    case 0x09:
    case 0x11:
    case 0x12: {
      const bytes = random.bytes(8);
      const form = random.below(4);
      if (form < 2) bytes.writeBigInt64LE(random.of(INT64S));
      else if (form === 2) bytes.writeBigInt64LE(BigInt(random.int32()) * 400n);
      return bytes;
    }
    case 0x0b:
      return Buffer.concat([
        raw.cString(random.of(['a', 'a+', '[b]', 'é', '/', ''])),
        raw.cString(random.of(['', 'i', 'm', 's', 'ims', 'x', 'lux'])),
      ]);
    case 0x0c:
      return Buffer.concat([raw.text(random.of(['db.c', 'c', 'é.漢'])), random.bytes(12)]);
    case 0x0f: {
      const code = raw.text(text(random));
      const scope = instance(random, nested);
      return Buffer.concat([raw.int32(4 + code.length + scope.length), code, scope]);
    }
    case 0x10:
      return random.oneIn(2) ? random.bytes(4) : raw.int32(random.below(100) - 50);
    case 0x13:
      return random.bytes(16);
    default:
      return Buffer.alloc(0);
  }
}

function text(random: Random): string {
  if (random.oneIn(4)) return random.of(TEXTS);
  if (random.oneIn(1_000)) return random.of(TEXTS).repeat(200);
  const length = random.below(24);
  let made = '';
  for (let at = 0; at < length; at++) made += String.fromCharCode(0x20 + random.below(0x5f));
  return made;
}

function binary(random: Random): Buffer {
  const subtype = random.of([0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 128, 255]);
  const length = subtype === 3 || subtype === 4 ? 16 : random.below(40);
  const content = random.bytes(length);
  if (subtype === 2) {
    return Buffer.concat([raw.int32(length + 4), Buffer.of(2), raw.int32(length), content]);
  }
  // A vector is checked when it is made: int8, no padding.
  if (subtype === 9) content.set([3, 0].slice(0, length));
  return Buffer.concat([raw.int32(length), Buffer.of(subtype), content]);
}

function array(random: Random, nested: Template): Buffer {
  const elements: Buffer[] = [];
  const type = random.of(COMMON_TYPES.slice(0, -1));
  const isUniform = random.oneIn(2);
  const length = random.oneIn(100) ? random.below(2_000) : random.below(6);
  for (let index = 0; index < length; index++) {
    const actual = isUniform ? type : random.of(ALL_TYPES);
    // An array in an array is kept flat: depth is another mutation's matter.
    const content = actual === 0x04 ? raw.document() : value(random, actual, nested);
    elements.push(raw.element(actual, String(index), content));
  }
  return raw.document(...elements);
}

function reference(random: Random): Uint8Array {
  return BSON.serialize({ $ref: 'c', $id: random.below(9), ...(random.oneIn(2) && { $db: 'd' }) });
}
