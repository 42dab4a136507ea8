import { Binary, BSON, Code, DBRef, Long, ObjectId } from 'mongodb';

import { packCarried, reviveCarried } from '../support/internals';

/* Arguments that BSON cannot hold arrive in the worker as values that the driver treats in the same way. */

const carried = (value: unknown): unknown => reviveCarried(packCarried(value));

test.each([
  ['a string', 'text'],
  ['a number', -0],
  ['a bigint', 2n ** 70n],
  ['a boolean', false],
  ['null', null],
  ['undefined', undefined],
  ['a date', new Date(5)],
  ['a regular expression', /a.b/gi],
  ['a Buffer', Buffer.from('bytes')],
  ['a byte array', Uint8Array.of(1, 2)],
  ['a list', [1, [undefined], 'a']],
  ['a Map', new Map<unknown, unknown>([['a', { b: 1 }]])],
  ['an object', { a: undefined, nested: { b: null }, list: [{}] }],
  ['an ObjectId', new ObjectId('a'.repeat(24))],
  ['a Long', Long.fromNumber(7)],
  ['a Binary', new Binary(Buffer.from('x'), 128)],
  ['a DBRef', new DBRef('things', new ObjectId('b'.repeat(24)))],
  ['code with a scope', new Code('return a', { a: 1 })],
])('%s arrives as it was', (_, value) => {
  expect(carried(value)).toStrictEqual(value);
});

test('a Buffer arrives as a Buffer, and a byte array as a byte array', () => {
  expect(Buffer.isBuffer(carried(Buffer.from('x')))).toBe(true);
  expect(Buffer.isBuffer(carried(Uint8Array.of(1)))).toBe(false);
});

test('a function and a symbol stay what they are, and bson writes the function’s text', () => {
  const add = function (a: number): number {
    return a + 1;
  };
  const arrived = carried({ add, mark: Symbol('mark') }) as { add: unknown; mark: symbol };
  expect([typeof arrived.add, typeof arrived.mark]).toStrictEqual(['function', 'symbol']);
  expect(arrived.mark.description).toBe('mark');
  const written = (of: object): Uint8Array => BSON.serialize(of, { serializeFunctions: true });
  expect(written({ add: arrived.add })).toStrictEqual(written({ add }));
});

test('a cycle stays a cycle, and an object that is there twice is one object', () => {
  const shared = { a: 1 };
  const value: Record<string, unknown> = { shared, list: [shared] };
  value.self = value;
  const arrived = carried(value) as Record<string, unknown>;
  expect(arrived.self).toBe(arrived);
  expect((arrived.list as unknown[])[0]).toBe(arrived.shared);
});

test('what toBSON returns counts, and its error comes when bson calls it', () => {
  const value = { a: 1, toBSON: () => ({ b: 2 }) };
  expect(BSON.serialize(carried({ value }) as object)).toStrictEqual(BSON.serialize({ value }));
  const failing = carried({
    toBSON() {
      throw new RangeError('not today');
    },
  });
  expect(() => BSON.serialize({ failing })).toThrow('not today');
});

test('a getter’s error comes when the property is read', () => {
  const arrived = carried({
    sound: 1,
    get broken(): never {
      throw new RangeError('not today');
    },
  }) as { sound: number; broken: number };
  expect(arrived.sound).toBe(1);
  expect(() => arrived.broken).toThrow('not today');
});

test('a Proxy whose keys cannot be read fails in the same way', () => {
  const locked = new Proxy(
    {},
    {
      ownKeys(): never {
        throw new RangeError('locked');
      },
    },
  );
  const arrived = carried({ locked }) as { locked: object };
  expect(() => Object.keys(arrived.locked)).toThrow('locked');
});
