import { inspect, types } from 'node:util';
import mongodb from 'mongodb';
import { MalformedTest, Mismatch } from '../outcome.mjs';
import { isLeaf, plain } from './plain.mjs';

const { EJSON } = mongodb.BSON;

/**
 * @typedef {object} MatchOptions
 * @property {import('./entities.mjs').EntityMap} entities where `$$matchesEntity` and `$$sessionLsid` look
 * @property {boolean} [root] whether a document may have fields that are not expected
 * @property {boolean} [operators] whether `$$` operators are obeyed; data is compared without them
 * @property {string} [path] where we are, for messages
 */

/**
 * Asserts that a value is what the test expects, by the rules of "Evaluating Matches".
 *
 * @param {unknown} expected
 * @param {unknown} actual undefined stands for a field that is not there
 * @param {MatchOptions} options
 */
export function match(expected, actual, options) {
  matchValue(expected, plain(actual), { root: false, operators: true, path: 'value', ...options });
}

/** Asserts that an array holds the expected documents, each of which may have more fields. */
export function matchRoots(expected, actual, options) {
  const path = options.path ?? 'value';
  if (!Array.isArray(actual)) fail(path, 'an array', actual);
  if (actual.length !== expected.length) fail(path, `${expected.length} documents`, actual);
  for (const [index, document] of expected.entries()) {
    match(document, actual[index], { ...options, root: true, path: `${path}[${index}]` });
  }
}

/** Whether `match` would succeed. */
export function matches(expected, actual, options) {
  try {
    match(expected, actual, options);
    return true;
  } catch (error) {
    if (error instanceof Mismatch) return false;
    throw error;
  }
}

function matchValue(expected, actual, context) {
  const operator = context.operators ? operatorOf(expected) : undefined;
  if (operator) return matchOperator(operator, expected[operator], actual, context);
  if (isLeaf(expected)) return matchLeaf(expected, actual, context.path);
  if (Array.isArray(expected)) return matchArray(expected, actual, context);
  return matchDocument(expected, actual, context);
}

function matchDocument(expected, actual, context) {
  const { path, root } = context;
  if (isLeaf(actual) || Array.isArray(actual)) fail(path, expected, actual);
  for (const [key, value] of Object.entries(expected)) {
    const at = `${path}.${key}`;
    if (!Object.hasOwn(actual, key) && !(context.operators && operatorOf(value))) {
      fail(at, value, undefined);
    }
    matchValue(value, actual[key], { ...context, root: false, path: at });
  }
  if (root) return;
  const extra = Object.keys(actual).filter((key) => !Object.hasOwn(expected, key));
  if (extra.length > 0) throw new Mismatch(`${path} has fields that are not expected: ${extra}`);
}

function matchArray(expected, actual, context) {
  const { path } = context;
  if (!Array.isArray(actual) || actual.length !== expected.length) fail(path, expected, actual);
  for (const [index, value] of expected.entries()) {
    matchValue(value, actual[index], { ...context, root: false, path: `${path}[${index}]` });
  }
}

function matchLeaf(expected, actual, path) {
  const number = numberOf(expected);
  const same =
    number === undefined ? canonical(expected) === canonical(actual) : number === numberOf(actual);
  if (!same) fail(path, expected, actual);
}

function matchOperator(operator, operand, actual, context) {
  const { entities, path } = context;
  switch (operator) {
    case '$$exists':
      if ((actual !== undefined) !== operand) fail(path, operand ? 'a value' : 'no value', actual);
      return;
    case '$$unsetOrMatches':
      if (actual !== undefined && actual !== null) matchValue(operand, actual, context);
      return;
    case '$$type': {
      const aliases = Array.isArray(operand) ? operand : [operand];
      if (!aliases.some((alias) => isType(alias, actual))) fail(path, `${aliases}`, actual);
      return;
    }
    case '$$matchesEntity':
      return matchValue(plain(entities.get(operand)), actual, { ...context, operators: false });
    case '$$matchesHexBytes': {
      const hex = hexOf(operand);
      const bytes = ArrayBuffer.isView(actual) ? Buffer.from(actual).toString('hex') : undefined;
      if (bytes !== hex) fail(path, hex, bytes);
      return;
    }
    case '$$sessionLsid':
      return matchValue(plain(entities.get(operand, 'session').id), actual, {
        ...context,
        operators: false,
      });
    case '$$lte': {
      const number = numberOf(actual);
      if (number === undefined || !(number <= operand)) fail(path, `at most ${operand}`, actual);
      return;
    }
    case '$$matchAsDocument':
      if (typeof actual !== 'string') fail(path, 'extended JSON', actual);
      return matchValue(operand, plain(EJSON.parse(actual)), { ...context, root: false });
    case '$$matchAsRoot':
      return matchValue(operand, actual, { ...context, root: true });
    default:
      throw new MalformedTest(`Unknown matching operator ${operator} at ${path}`);
  }
}

function operatorOf(expected) {
  if (isLeaf(expected) || Array.isArray(expected)) return undefined;
  const keys = Object.keys(expected);
  return keys.length === 1 && keys[0].startsWith('$$') ? keys[0] : undefined;
}

/** Numbers of every width compare by value; a long that a double cannot hold stays exact. */
function numberOf(value) {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') {
    return BigInt(Number(value)) === value ? Number(value) : value;
  }
  switch (value?._bsontype) {
    case 'Int32':
    case 'Double':
      return value.value;
    case 'Long':
      return numberOf(value.toBigInt());
    default:
      return undefined;
  }
}

function canonical(value) {
  if (value === undefined) return undefined;
  const bytes = ArrayBuffer.isView(value) && !value._bsontype;
  return EJSON.stringify(
    { value: bytes ? new mongodb.Binary(Buffer.from(value)) : value },
    { relaxed: false },
  );
}

const isNumber = (value) => numberOf(value) !== undefined;
const isInteger = (value) => {
  const number = numberOf(value);
  return typeof number === 'bigint' || Number.isInteger(number);
};
const isBson = (type) => (value) => value?._bsontype === type;

const typeTests = {
  double: isNumber,
  string: (value) => typeof value === 'string',
  object: (value) => !isLeaf(value) && !Array.isArray(value),
  array: Array.isArray,
  binData: (value) => value?._bsontype === 'Binary' || ArrayBuffer.isView(value),
  undefined: (value) => value === undefined,
  objectId: isBson('ObjectId'),
  bool: (value) => typeof value === 'boolean',
  date: types.isDate,
  null: (value) => value === null,
  regex: (value) => types.isRegExp(value) || value?._bsontype === 'BSONRegExp',
  dbPointer: isBson('DBRef'),
  javascript: isBson('Code'),
  javascriptWithScope: (value) => value?._bsontype === 'Code' && value.scope != null,
  symbol: isBson('BSONSymbol'),
  int: (value) => isInteger(value) && Math.abs(Number(numberOf(value))) <= 2 ** 31,
  timestamp: isBson('Timestamp'),
  long: isInteger,
  decimal: isBson('Decimal128'),
  number: (value) => isNumber(value) || value?._bsontype === 'Decimal128',
  minKey: isBson('MinKey'),
  maxKey: isBson('MaxKey'),
};

function isType(alias, value) {
  if (!Object.hasOwn(typeTests, alias)) throw new MalformedTest(`Unknown type ${alias}`);
  return typeTests[alias](value);
}

/** The hex digits of `$$hexBytes` and `$$matchesHexBytes`, checked. */
export function hexOf(text) {
  if (typeof text !== 'string' || !/^([\da-f]{2})*$/i.test(text)) {
    throw new MalformedTest(`Not hex bytes: ${text}`);
  }
  return text.toLowerCase();
}

/** @returns {never} */
function fail(path, expected, actual) {
  const wanted = typeof expected === 'string' ? expected : show(expected);
  throw new Mismatch(
    `${path}: expected ${wanted}, got ${actual === undefined ? 'nothing' : show(actual)}`,
  );
}

const show = (value) => inspect(value, { depth: 4, breakLength: Infinity, maxStringLength: 200 });
