/**
 * An application gets the server's values as with the driver: in documents that the driver passes through, in values
 * that it computes, and in errors. The test uses values that decoding and encoding would change, under each BSON
 * option.
 */
import { inspect } from 'node:util';

import {
  Binary,
  DBRef,
  Long,
  ObjectId,
  type BSONSerializeOptions,
  type Collection,
  type Db,
  type Document,
} from 'mongodb';

import { openClients, type Clients } from '../../support/clients';
import { insertRaw } from '../../support/raw-insert';

/* eslint-disable @typescript-eslint/no-explicit-any -- ids and options of any type */

/** An element of a document: type, key, value. */
function element(type: number, key: string, ...value: (number | Uint8Array)[]): Buffer {
  const parts = value.map((part) => (typeof part === 'number' ? Buffer.from([part]) : part));
  return Buffer.concat([Buffer.from([type]), Buffer.from(`${key}\0`), ...parts]);
}

function documentOf(...elements: Buffer[]): Buffer {
  const size = Buffer.alloc(4);
  const content = Buffer.concat(elements);
  size.writeInt32LE(content.length + 5);
  return Buffer.concat([size, content, Buffer.from([0])]);
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes;
}

function text(value: string): Buffer {
  const size = Buffer.alloc(4);
  size.writeInt32LE(Buffer.byteLength(value) + 1);
  return Buffer.concat([size, Buffer.from(`${value}\0`)]);
}

function scoped(code: string, scope: Buffer): Buffer {
  const content = Buffer.concat([text(code), scope]);
  const size = Buffer.alloc(4);
  size.writeInt32LE(content.length + 4);
  return Buffer.concat([size, content]);
}

const odd = {
  'a date beyond the range': element(0x09, 'v', int64(2n ** 62n)),
  'an old date': element(0x09, 'v', int64(-(2n ** 60n))),
  'a large int64': element(0x12, 'v', int64(2n ** 60n + 1n)),
  'a small int64': element(0x12, 'v', int64(5n)),
  'minus zero': element(0x01, 'v', Buffer.from('0000000000000080', 'hex')),
  'a double that is whole': element(0x01, 'v', Buffer.from('0000000000001440', 'hex')),
  'a NaN': element(0x01, 'v', Buffer.from('010000000000f87f', 'hex')),
  'a regular expression': element(0x0b, 'v', Buffer.from('a/b\0imsx\0')),
  'a symbol': element(0x0e, 'v', text('symbol')),
  'a code': element(0x0d, 'v', text('f()')),
  'a binary': element(0x05, 'v', Buffer.from([2, 0, 0, 0, 0, 1, 2])),
  'a UUID': element(0x05, 'v', Buffer.from([16, 0, 0, 0, 4]), Buffer.alloc(16, 7)),
  'a timestamp': element(0x11, 'v', int64(2n ** 33n + 3n)),
  'a document': element(
    0x03,
    'v',
    documentOf(
      element(0x09, 'date', int64(2n ** 62n)),
      element(0x06, 'undefined'),
      element(0x02, '_bsontype', text('ObjectId')),
      element(0x12, 'long', int64(2n ** 60n + 1n)),
      element(0x01, 'zero', Buffer.from('0000000000000080', 'hex')),
      element(0x03, '__proto__', documentOf(element(0x10, 'a', Buffer.from([1, 0, 0, 0])))),
      element(0x10, 'twice', Buffer.from([1, 0, 0, 0])),
      element(0x10, 'twice', Buffer.from([2, 0, 0, 0])),
      element(0x0b, 'regExp', Buffer.from('a\0imsx\0')),
    ),
  ),
  'a reference': element(
    0x03,
    'v',
    documentOf(
      element(0x02, '$ref', text('things')),
      element(0x12, '$id', int64(5n)),
      element(0x09, 'more', int64(2n ** 62n)),
    ),
  ),
  'a code with a scope': element(
    0x0f,
    'v',
    scoped('f()', documentOf(element(0x09, 'd', int64(2n ** 62n)))),
  ),
};
const OPTIONS: Record<string, BSONSerializeOptions> = {
  none: {},
  'promoteValues: false': { promoteValues: false },
  'promoteLongs: false': { promoteLongs: false },
  'promoteBuffers: true': { promoteBuffers: true },
  'useBigInt64: true': { useBigInt64: true },
  'bsonRegExp: true': { bsonRegExp: true },
  'raw: true': { raw: true },
  fieldsAsRaw: { fieldsAsRaw: { value: true, values: true, v: true } },
  contradicting: { useBigInt64: true, promoteLongs: false },
};

/** Values that an update computes, since BSON.serialize does not write them. */
const COMPUTED = {
  date: { $add: [new Date(8.64e15), 1e15] },
  long: { $add: [Long.fromBigInt(2n ** 60n), 1] },
  small: { $toLong: 5 },
  zero: { $multiply: [-1, 0.0000001, 0] },
  document: {
    $arrayToObject: [
      [
        { k: '_bsontype', v: 'ObjectId' },
        { k: 'date', v: { $add: [new Date(8.64e15), 1e15] } },
        { k: '__proto__', v: { a: 1 } },
        { k: '$ref', v: 'things' },
      ],
    ],
  },
  reference: { $literal: new DBRef('things', new ObjectId('0123456789abcdef01234567')) },
  regExp: { $literal: { of: /a/i } },
  binary: { $literal: new Binary(Buffer.from([1, 2])) },
};

let clients: Clients;
beforeAll(async () => {
  clients = openClients({ offload: { workers: 1 } });
  const { native, dbName } = clients;
  const documents = Object.values(odd).map((bytes, number) =>
    documentOf(element(0x10, '_id', Buffer.from([number, 0, 0, 0])), bytes),
  );
  for (const name of ['ours_', 'drive']) await insertRaw(dbName, name, documents);
  for (const name of ['checked_ours_', 'checked_drive']) {
    await native.db.createCollection(name, { validator: { a: { $type: 'string' } } });
    await native.db.collection<any>(name).insertOne({ _id: 1, a: 'text' });
  }
});
afterAll(async () => await clients.close());

type Call = (things: Collection<any>, db: Db, options: any) => unknown;

async function expectSame(call: Call, options: BSONSerializeOptions): Promise<void> {
  const { ours, native } = clients;
  const [mine, theirs] = await Promise.all(
    [ours, native].map(async ({ db }, at) => {
      const name = at === 0 ? 'ours_' : 'drive';
      try {
        return shown(await call(db.collection(name), db, options));
      } catch (error) {
        const { errInfo, errorResponse, result } = error as Document;
        return shown([(error as object).constructor.name, { errInfo, errorResponse, result }]);
      }
    }),
  );
  expect(mine).toEqual(theirs);
}

/** Shows a whole value with its types, without stacks and the collection's name. */
function shown(value: unknown): string {
  return inspect(value, { depth: Infinity, maxArrayLength: Infinity })
    .replaceAll(/\n\s+at .*/g, '')
    .replaceAll(/\bdrive\b/g, 'ours_')
    .replaceAll('64 72 69 76 65', '6f 75 72 73 5f');
}

const numbers = Object.keys(odd).map((_, number) => number);

const READS: Record<string, Call> = {
  distinct: (things, _db, options) => things.distinct('v', {}, options),
  findOneAndUpdate: (things, _db, options) =>
    all(numbers, (_id) => things.findOneAndUpdate({ _id }, { $set: { w: 1 } }, options)),
  'findOneAndUpdate with metadata': async (things, _db, options) => {
    const own = { ...options, includeResultMetadata: true };
    const results = await all(numbers, (_id) =>
      things.findOneAndUpdate({ _id }, { $set: { w: 1 } }, own),
    );
    return results.map(({ ok, value, lastErrorObject }) => ({ ok, value, lastErrorObject }));
  },
  'a command': async (_things, db, options) => {
    const name = db === clients.ours.db ? 'ours_' : 'drive';
    const { cursor, ok } = await db.command({ find: name, filter: {} }, options);
    return { cursor, ok };
  },
  'a command of admin': async (_things, db, options) => {
    const { databases, ok } = await db
      .admin()
      .command({ listDatabases: 1, nameOnly: true }, options);
    return { databases: Array.isArray(databases), ok };
  },
  findOne: (things, _db, options) => all(numbers, (_id) => things.findOne({ _id }, options)),
  'a plan': async (things, _db, options) => {
    const plan = await things.find({ v: 1 }, options).explain('queryPlanner');
    return (plan.queryPlanner as Document).parsedQuery ?? plan.queryPlanner;
  },
};

async function all<T, R>(items: readonly T[], call: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await call(item));
  return results;
}

/** The calls run in turn, since an upsert's result holds the ids that it made. */
const WRITES: Record<string, Call> = {
  updateOne: (things, _db, options) =>
    all(Object.values(COMPUTED), async (_id) => {
      const own = { ...options, upsert: true };
      const result = await things.updateOne({ none: 1 }, [{ $set: { _id } }], own);
      await things.deleteOne({ none: 1 });
      return result;
    }),
  bulkWrite: (things, _db, options) =>
    all(Object.values(COMPUTED), async (_id) => {
      const update = [{ $set: { _id } }];
      const models = [{ updateOne: { filter: { none: 1 }, update, upsert: true } }];
      const { upsertedIds } = await things.bulkWrite(models, options);
      await things.deleteOne({ none: 1 });
      return upsertedIds;
    }),
  'an update that a validator refuses': (things, db, options) =>
    all(Object.values(COMPUTED), async (a) => {
      const checked = db.collection<any>(`checked_${things.collectionName}`);
      return await checked.updateOne({ _id: 1 }, [{ $set: { a } }], options).catch(infoOf);
    }),
  'a bulk write that a validator refuses': (things, db, options) =>
    all(Object.values(COMPUTED), async (a) => {
      const checked = db.collection<any>(`checked_${things.collectionName}`);
      const models = [{ updateOne: { filter: { _id: 1 }, update: [{ $set: { a } }] } }];
      const error: unknown = await checked
        .bulkWrite(models, options)
        .catch((thrown: unknown) => thrown);
      const [{ err }] = [(error as Document).writeErrors].flat() as [Document];
      return [err.errInfo, err.code, err.errmsg];
    }),
  'a findOneAndUpdate that a validator refuses': (things, db, options) =>
    all(Object.values(COMPUTED), async (a) => {
      const checked = db.collection<any>(`checked_${things.collectionName}`);
      return await checked.findOneAndUpdate({ _id: 1 }, [{ $set: { a } }], options).catch(infoOf);
    }),
};

function infoOf(error: Document): unknown {
  return [error.constructor.name, error.code, error.errInfo];
}

describe.each(Object.entries(OPTIONS))('with the BSON options %s', (_name, options) => {
  test.each(Object.entries({ ...READS, ...WRITES }))('%s gives the same', async (_what, call) => {
    await expectSame(call, options);
  });
});
