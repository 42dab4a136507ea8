import { randomUUID } from 'node:crypto';

import * as native from 'mongodb';
import * as ours from '@mongo-offload/core';

import { uri } from '../../support/clients';

// What crosses in several buffers and is sent in several commands, encoded in slices.

interface Row {
  _id: number;
  text: string;
}

const COUNT = 22_000;
const text = 'x'.repeat(1_500);
const rows = (count = COUNT): Row[] => Array.from({ length: count }, (_, _id) => ({ _id, text }));

let client: ours.MongoClient;
let plain: native.MongoClient;
let there: native.Db;
let here: ours.Db;

beforeAll(async () => {
  const name = `large_insert_${randomUUID().slice(0, 8)}`;
  client = new ours.MongoClient(uri(), { offload: { sliceMS: 1, encodeInSlices: true } });
  plain = await new native.MongoClient(uri()).connect();
  here = client.db(name);
  there = plain.db(name);
});

afterAll(async () => {
  await there.dropDatabase();
  await Promise.all([client.close(), plain.close()]);
});

afterEach(async () => {
  await there.collection('rows').drop();
});

test('all documents arrive, with their ids, and the loop turns meanwhile', async () => {
  const documents: native.Document[] = Array.from({ length: COUNT }, (_, n) => ({ n, text }));
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 1);
  const { insertedCount, insertedIds } = await here.collection('rows').insertMany(documents);
  clearInterval(timer);
  expect(insertedCount).toBe(COUNT);
  expect(turns).toBeGreaterThan(3);
  expect(insertedIds[COUNT - 1]).toBe(documents[COUNT - 1]._id);
  const [sums] = await there
    .collection('rows')
    .aggregate([{ $group: { _id: null, count: { $sum: 1 }, sum: { $sum: '$n' } } }])
    .toArray();
  expect(sums).toStrictEqual({ _id: null, count: COUNT, sum: (COUNT * (COUNT - 1)) / 2 });
  const last = await there.collection('rows').findOne({ _id: documents[COUNT - 1]._id });
  expect(last).toStrictEqual(documents[COUNT - 1]);
});

test.each([3, COUNT])('its caller may empty the list of %d documents at once', async (count) => {
  for (const db of [here, there]) {
    const collection = db.collection<Row>('rows');
    const list = rows(count);
    const inserted = collection.insertMany(list);
    list.length = 0;
    const { insertedCount, insertedIds } = await inserted;
    expect([insertedCount, Object.keys(insertedIds).length]).toStrictEqual([count, count]);

    const operations = rows(count).map(({ _id }) => ({
      insertOne: { document: { _id: -1 - _id, text } },
    }));
    const written = collection.bulkWrite(operations);
    operations.length = 0;
    expect((await written).insertedIds[count - 1]).toBe(-count);
    expect(await collection.countDocuments()).toBe(2 * count);
    await collection.deleteMany({});
  }
});

test('the ids that are given back are those at the call, though the caller changes them meanwhile', async () => {
  for (const db of [here, there]) {
    const collection = db.collection<Row>('rows');
    const list = rows(3);
    const inserted = collection.insertMany(list);
    const operations = rows(3).map(({ _id }) => ({
      insertOne: { document: { _id: -1 - _id, text } },
    }));
    const written = collection.bulkWrite(operations);
    const refused = collection.insertMany([
      { _id: 7, text },
      { _id: 7, text },
    ]);
    for (const document of list) document._id += 100;
    for (const { insertOne } of operations) insertOne.document._id -= 100;
    expect((await inserted).insertedIds).toStrictEqual({ 0: 0, 1: 1, 2: 2 });
    expect((await written).insertedIds).toStrictEqual({ 0: -1, 1: -2, 2: -3 });
    await expect(refused).rejects.toMatchObject({ insertedIds: { 0: 7 } });
    await collection.deleteMany({});
  }
});

test('the loop turns between large documents of a list, however few they are', async () => {
  let turns = 0;
  const encodedAt: number[] = [];
  const documents = Array.from({ length: 8 }, (_, n): native.Document => {
    const fields = Array.from({ length: 20_000 }, (__, field) => [`field${field}`, field] as const);
    const document = Object.fromEntries<unknown>(fields);
    return Object.defineProperty(document, 'n', {
      enumerable: true,
      get: () => {
        encodedAt[n] = turns;
        return n;
      },
    });
  });
  const turn = (): void => {
    turns += 1;
    next = setImmediate(turn);
  };
  let next = setImmediate(turn);
  expect((await here.collection('rows').insertMany(documents)).insertedCount).toBe(8);
  clearImmediate(next);
  expect(new Set(encodedAt).size).toBe(8);
});

test('what is called behind a list that is still being encoded reaches the server behind it', async () => {
  // With one connection, the order of the calls is the order in which they take effect; one command's worth of documents.
  const single = new ours.MongoClient(uri(), {
    maxPoolSize: 1,
    offload: { sliceMS: 0.1, encodeInSlices: true },
  });
  const db = single.db(here.databaseName);
  const collection = db.collection<Row>('rows');
  await collection.createIndex({ text: 1 });
  for (let round = 0; round < 5; round++) {
    const count = 5_000;
    const inserted = collection.insertMany(rows(count));
    const counted = collection.countDocuments();
    const updated = collection.updateMany({ _id: { $gte: count - 5 } }, { $set: { text: 'new' } });
    const read = collection.findOne({ text: 'new' }, { sort: { _id: -1 } });
    const deleted = db.collection('rows').deleteMany({});
    const after = collection.insertOne({ _id: 1, text });
    expect(await counted).toBe(count);
    expect((await updated).modifiedCount).toBe(5);
    expect(await read).toStrictEqual({ _id: count - 1, text: 'new' });
    expect((await deleted).deletedCount).toBe(count);
    expect((await inserted).insertedCount).toBe(count);
    await after;
    expect((await collection.deleteMany({})).deletedCount).toBe(1);
  }
  await single.close();
});

test('a document that cannot be encoded ends its own call, and no other', async () => {
  const collection = here.collection<Row>('rows');
  const bad = rows();
  (bad[COUNT - 1] as native.Document)['a\0b'] = 1;
  const refused = collection.insertMany(bad);
  const behind = collection.insertOne({ _id: -1, text: 'behind' });
  await expect(refused).rejects.toThrow(/null bytes/);
  await behind;
  expect(await collection.countDocuments()).toBe(1);
});

describe.each([true, false])('errors where ordered is %s', (ordered) => {
  type Insert = (on: native.Collection<Row>, documents: Row[]) => Promise<unknown>;
  const ways: Record<string, Insert> = {
    insertMany: (on, documents) => on.insertMany(documents, { ordered }),
    bulkWrite: (on, documents) =>
      on.bulkWrite(
        documents.map((document) => ({ insertOne: { document } })),
        { ordered },
      ),
    'a bulk operation that is built step by step': (on, documents) => {
      const bulk = ordered ? on.initializeOrderedBulkOp() : on.initializeUnorderedBulkOp();
      for (const document of documents) bulk.insert(document);
      return bulk.execute();
    },
  };
  test.each(Object.entries(ways))(
    'are the driver’s, across commands of %s',
    async (_name, insert) => {
      const outcome = async (collection: native.Collection<Row>): Promise<unknown> => {
        const documents = rows();
        documents[15_000]._id = 3;
        documents[21_000]._id = 4;
        const error = await insert(collection, documents).then(
          () => undefined,
          (thrown: unknown) => thrown as native.MongoBulkWriteError,
        );
        const list = error?.writeErrors as native.WriteError[];
        const seen = list.map(({ index, code, errmsg, err }) => ({
          index,
          code,
          errmsg,
          op: err.op,
        }));
        const ids = Object.keys(error?.insertedIds ?? {}).length;
        const left = await collection.countDocuments();
        await collection.drop();
        return [error?.name, error?.code, error?.message, seen, error?.insertedCount, ids, left];
      };
      const theirs = await outcome(there.collection<Row>('rows'));
      expect(await outcome(here.collection<Row>('rows'))).toStrictEqual(theirs);
      await there.collection<Row>('rows').insertOne({ _id: 0, text });
    },
  );
});

test('a document that no server takes is refused as the driver refuses it', async () => {
  const document = { _id: 1, text: 'y'.repeat(16.5 * 1024 * 1024) };
  const outcomes: unknown[] = [];
  for (const db of [there, here]) {
    for (const insert of [
      () => db.collection<Row>('rows').insertMany([document]),
      () => db.collection<Row>('rows').insertOne(document),
      () => db.collection<Row>('rows').bulkWrite([{ insertOne: { document } }]),
    ]) {
      outcomes.push(
        await insert().then(String, (error: unknown) => [
          (error as Error).name,
          (error as native.MongoError).code,
        ]),
      );
    }
  }
  expect(outcomes.slice(3)).toStrictEqual(outcomes.slice(0, 3));
  const huge = { _id: 1, text: 'y'.repeat(60 * 1024 * 1024) };
  await expect(here.collection<Row>('rows').insertOne(huge)).rejects.toThrow(
    native.MongoInvalidArgumentError,
  );
  await there.collection<Row>('rows').insertOne({ _id: 0, text });
});

test('in a transaction, all or nothing', async () => {
  await there.createCollection('rows');
  const session = client.startSession();
  await session
    .withTransaction(async () => {
      await here.collection<Row>('rows').insertMany(rows(12_000), { session });
      throw new Error('changed my mind');
    })
    .catch(() => undefined);
  expect(await there.collection('rows').countDocuments()).toBe(0);
  await session.withTransaction(() =>
    here.collection<Row>('rows').insertMany(rows(12_000), { session }),
  );
  await session.endSession();
  expect(await there.collection('rows').countDocuments()).toBe(12_000);
});

test('closing the client in the midst of it settles the call', async () => {
  const other = new ours.MongoClient(uri(), { offload: { sliceMS: 1, encodeInSlices: true } });
  const collection = other.db(here.databaseName).collection<Row>('rows');
  await collection.insertOne({ _id: -1, text });
  const inserted = collection.insertMany(rows()).then(
    ({ insertedCount }) => insertedCount,
    (error: unknown) => error,
  );
  await other.close(true);
  const outcome = await inserted;
  if (outcome !== COUNT) expect(outcome).toBeInstanceOf(native.MongoError);
});

test('documents with very many fields are written as they are, alone, in a list, and in an update', async () => {
  const fields = (count: number, value: unknown): native.Document =>
    Object.fromEntries(
      Array.from({ length: count }, (_, n) => [`field${(n * 7919) % count}`, value]),
    );
  const documents = [60_000, 20_000, 300, 20_000].map((count, _id) => ({
    _id: _id as unknown as native.ObjectId,
    ...fields(count, 'some text'),
    inner: fields(1_000, { a: 1 }),
  }));
  const collection = here.collection('rows');
  await collection.insertOne(documents[0]);
  await collection.insertMany(documents.slice(1));
  const ids = { sort: { _id: 1 } } as const;
  expect(await there.collection('rows').find({}, ids).toArray()).toStrictEqual(documents);

  const { _id, ...others } = documents[1];
  await collection.replaceOne({ _id: documents[0]._id }, others);
  await collection.updateOne({ _id: documents[2]._id }, { $set: fields(30_000, 2) });
  const [replaced, , updated] = await there.collection('rows').find({}, ids).toArray();
  expect(replaced).toStrictEqual({ _id: documents[0]._id, ...others });
  expect(updated).toStrictEqual({ ...documents[2], ...fields(30_000, 2) });
  expect(_id).toBe(1);
});
