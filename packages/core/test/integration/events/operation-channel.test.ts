import { AsyncLocalStorage } from 'node:async_hooks';
import { tracingChannel } from 'node:diagnostics_channel';
import { lookup } from 'node:dns';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';

import { GridFSBucket, MongoClient, type OperationContext } from '@mongo-offload/core';

import { openClients, uri, type Clients } from '../../support/clients';

type Step = 'start' | 'end' | 'asyncStart' | 'asyncEnd' | 'error';
const STEPS: Step[] = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'];
const channel = tracingChannel<unknown, OperationContext>('mongo-offload:operation');
const SECRET = 'a-value-that-no-context-may-show';

let clients: Clients;
let told: { step: Step; context: OperationContext; then: OperationContext }[] = [];
const subscribers = Object.fromEntries(
  STEPS.map((step) => [
    step,
    (context: object) => {
      told.push({
        step,
        context: context as OperationContext,
        then: structuredClone(context) as never,
      });
    },
  ]),
) as unknown as Parameters<typeof channel.subscribe>[0];

beforeAll(async () => {
  clients = openClients({ monitorCommands: true, offload: { workers: 2, chunkBytes: 4096 } });
  await clients.native.db
    .collection('many')
    .insertMany(Array.from({ length: 500 }, (_, i) => ({ i, text: 'x'.repeat(100) })));
  await clients.ours.client.connect();
});
afterAll(async () => await clients.close());
beforeEach(() => {
  told = [];
  channel.subscribe(subscribers);
});
afterEach(() => {
  channel.unsubscribe(subscribers);
  expect(JSON.stringify(told.map(({ then: { error: _, ...rest } }) => rest))).not.toContain(SECRET);
});

/** The contexts of what has ended, in the order of their ends. */
function ended(): OperationContext[] {
  return told.filter(({ step }) => step === 'asyncEnd').map(({ context }) => context);
}

/** What was told of work, without what differs from run to run. */
async function during(work: () => Promise<unknown>): Promise<Partial<OperationContext>[]> {
  told = [];
  await work();
  return ended().map(({ worker, database, ...rest }) => {
    expect(worker).toEqual(expect.any(Number));
    if (database !== undefined) expect([clients.dbName, 'admin']).toContain(database);
    return rest;
  });
}

const plain = { session: false, transaction: false };

test('one operation is told of from its start to its end, with one context', async () => {
  await clients.ours.db.collection('many').findOne({ i: 1, text: { $ne: SECRET } });
  expect(told.map(({ step }) => step)).toStrictEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
  expect(new Set(told.map(({ context }) => context)).size).toBe(1);
  const begun = {
    operation: 'collection.findOne',
    database: clients.dbName,
    collection: 'many',
    ...plain,
  };
  const worker = expect.any(Number) as number;
  expect(told.map(({ then }) => then)).toStrictEqual([
    begun,
    { ...begun, worker },
    { ...begun, worker, documents: 1 },
    { ...begun, worker, documents: 1 },
  ]);
});

test('who does not listen any more hears nothing', async () => {
  channel.unsubscribe(subscribers);
  await clients.ours.db.collection('many').findOne();
  expect(told).toHaveLength(0);
  channel.subscribe(subscribers);
});

test('operations are named as the driver names its methods, and count their documents', async () => {
  const { client, db } = clients.ours;
  const things = db.collection<{ _id: number; n?: number; text?: string }>('things');
  const heard = await during(async () => {
    await things.insertOne({ _id: 0, text: SECRET });
    await things.insertMany([{ _id: 1 }, { _id: 2 }, { _id: 3, text: SECRET }]);
    await things.updateMany({ _id: { $lt: 2 } }, { $set: { n: 1, text: SECRET } });
    await things.updateOne({ _id: 9 }, { $set: { n: 9 } }, { upsert: true });
    await things.findOne({ _id: 77 });
    await things.findOneAndUpdate({ _id: 1 }, { $set: { n: 2 } });
    await things.findOneAndDelete({ _id: 77 }, { includeResultMetadata: true });
    await things.distinct('n');
    await things.bulkWrite([
      { insertOne: { document: { _id: 10 } } },
      { deleteOne: { filter: { _id: 10 } } },
    ]);
    const bulk = things.initializeUnorderedBulkOp();
    bulk.insert({ _id: 11 });
    bulk.find({ _id: 11 }).updateOne({ $set: { n: 3 } });
    await bulk.execute();
    await things.deleteMany({ _id: { $gt: 2 } });
    await things.countDocuments();
    await things.createIndex({ n: 1 });
    await things.createIndex({ n: 1 }, {}, {} as never);
    await db.command({ ping: 1, comment: SECRET });
    await db.admin().command({ ping: 1 });
    await client.db('admin').command({ ping: 1 });
  });
  expect(
    heard.map(({ operation, collection, documents }) => [operation, collection, documents]),
  ).toStrictEqual([
    ['collection.insertOne', 'things', 1],
    ['collection.insertMany', 'things', 3],
    ['collection.updateMany', 'things', 2],
    ['collection.updateOne', 'things', 1],
    ['collection.findOne', 'things', 0],
    ['collection.findOneAndUpdate', 'things', 1],
    ['collection.findOneAndDelete', 'things', 0],
    ['collection.distinct', 'things', 3],
    ['collection.bulkWrite', 'things', 2],
    ['bulk.execute', 'things', 2],
    ['collection.deleteMany', 'things', 3],
    ['collection.countDocuments', 'things', undefined],
    ['collection.createIndex', 'things', undefined],
    ['collection.createIndex', 'things', undefined],
    ['db.command', undefined, undefined],
    ['admin.command', undefined, undefined],
    ['db.command', undefined, undefined],
  ]);
});

test('an error is told of: the very one that the program gets, whose stack shows its line', async () => {
  async function insertTwice(): Promise<void> {
    const things = clients.ours.db.collection<{ _id: string }>('twice');
    await things.insertOne({ _id: 'one' });
    await things.insertOne({ _id: 'one' });
  }
  const error = (await insertTwice().catch((thrown: unknown) => thrown)) as Error;
  expect(error.stack).toMatch(/at (?:async )?insertTwice/);
  const failed = told.slice(4);
  expect(failed.map(({ step }) => step)).toStrictEqual([
    'start',
    'end',
    'error',
    'asyncStart',
    'asyncEnd',
  ]);
  expect(failed[2].context.error).toBe(error);
  expect(failed[2].context.documents).toBeUndefined();
});

test('a cursor is told of as it is opened, read on, and closed', async () => {
  const many = clients.ours.db.collection('many');
  const find = { ...plain, collection: 'many' };
  const whole = await during(async () => await many.find({ text: { $ne: SECRET } }).toArray());
  expect(whole.length).toBeGreaterThan(2);
  expect(whole[0]).toStrictEqual({
    ...find,
    operation: 'cursor.open',
    documents: expect.any(Number),
    cursor: { kind: 'find', batch: 1, more: true },
  });
  whole.slice(1).forEach((context, i) => {
    expect(context).toStrictEqual({
      ...find,
      operation: 'cursor.getMore',
      documents: expect.any(Number),
      cursor: { kind: 'find', batch: i + 2, more: i + 2 < whole.length },
    });
  });
  expect(whole.reduce((all, { documents }) => all + documents!, 0)).toBe(500);

  const left = await during(async () => {
    for await (const document of many.find({}, { batchSize: 10 })) if (document.i === 3) break;
  });
  expect(left.map(({ operation, documents }) => [operation, documents])).toStrictEqual([
    ['cursor.open', 10],
    ['cursor.close', undefined],
  ]);
  const others = await during(async () => {
    await many.aggregate([{ $limit: 2 }]).toArray();
    await many.indexes();
    await clients.ours.db.listCollections({ name: 'many' }).toArray();
    await many.find().explain();
  });
  expect(others.map(({ operation, cursor }) => [operation, cursor?.kind])).toStrictEqual([
    ['cursor.open', 'aggregate'],
    ['cursor.open', 'listIndexes'],
    ['cursor.open', 'listCollections'],
    ['cursor.explain', undefined],
  ]);
});

test('sessions and transactions are told of with what runs in them', async () => {
  const { client, db } = clients.ours;
  await db.createCollection('ledger');
  const heard = await during(async () => {
    await client.transaction(async () => {
      await db.collection('ledger').insertOne({ text: SECRET });
      await db.collection('ledger').find({}, { batchSize: 1 }).toArray();
    });
    await client.withSession(async (session) => {
      await db.collection('ledger').findOne({}, { session });
      session.startTransaction();
      await db.collection('ledger').insertOne({}, { session });
      await session.abortTransaction();
    });
  });
  expect(
    heard.map(({ operation, session, transaction }) => [operation, session, transaction]),
  ).toStrictEqual([
    ['collection.insertOne', true, true],
    ['cursor.open', true, true],
    ['cursor.getMore', true, true],
    ['session.commitTransaction', true, true],
    ['collection.findOne', true, false],
    ['collection.insertOne', true, true],
    ['session.abortTransaction', true, true],
  ]);
});

test('GridFS and change streams are told of by the operations that they consist of', async () => {
  const { db } = clients.ours;
  const bucket = new GridFSBucket(db);
  const files = await during(
    async () => await pipeline(Readable.from([Buffer.from(SECRET)]), bucket.openUploadStream('f')),
  );
  expect(files).toContainEqual(
    expect.objectContaining({ operation: 'collection.insertOne', collection: 'fs.chunks' }),
  );
  const stream = await during(async () => {
    const changes = db.collection('changing').watch();
    const change = once(changes, 'change');
    await db.collection('changing').insertOne({});
    await change;
    await changes.close();
  });
  const ofStream = stream.filter(({ cursor }) => cursor?.kind === 'changeStream');
  const names = ofStream.map(({ operation }) => operation);
  expect(names[0]).toBe('cursor.open');
  expect(names).toContain('cursor.getMore');
  expect(names).toContain('cursor.close');
});

test('a store that is bound to the start is there in what the operation causes, and not behind it', async () => {
  const { client, db } = clients.ours;
  const spans = new AsyncLocalStorage<string>();
  const seen: (string | undefined)[] = [];
  const note = (): void => void seen.push(spans.getStore());
  channel.start.bindStore(spans, ({ operation }) => `span of ${operation}`);
  client.on('commandStarted', note);
  try {
    await spans.run('the request', async () => {
      await db.collection('many').findOne();
      note();
      await db.collection('many').find({}, { batchSize: 400 }).toArray();
      note();
    });
  } finally {
    client.off('commandStarted', note);
    channel.start.unbindStore(spans);
  }
  expect(seen[0]).toBe('span of collection.findOne');
  expect(seen[1]).toBe('the request');
  expect(seen[2]).toBe('span of cursor.open');
  expect(seen.at(-1)).toBe('the request');
});

test('what the driver itself refuses is told of as well', async () => {
  const many = clients.ours.db.collection('many');
  await expect(many.updateOne({}, { n: 1 })).rejects.toThrow(/atomic operators/);
  const [{ operation, worker, error }] = ended();
  expect([operation, worker]).toStrictEqual(['collection.updateOne', undefined]);
  expect((error as Error).message).toMatch(/atomic operators/);
});

test('what runs on the main thread is told of as well, without a worker', async () => {
  mainConnections.allow('a function among the options keeps the client on the main thread');
  const client = new MongoClient(uri(), { lookup: lookup });
  try {
    const many = client.db(clients.dbName).collection('many');
    expect((await many.find({ text: { $ne: SECRET } }, { batchSize: 400 }).toArray()).length).toBe(
      500,
    );
    await many.insertOne({ text: SECRET });
    await many.deleteOne({ text: SECRET });
    await client.db('admin').admin().command({ ping: 1 });
    await client.transaction(async () => await many.updateOne({ i: 1 }, { $set: { n: 1 } }));
  } finally {
    await client.close();
  }
  const on = { database: clients.dbName, collection: 'many', ...plain };
  expect(ended()).toEqual(
    expect.arrayContaining([
      { ...on, operation: 'cursor.open' },
      { ...on, operation: 'cursor.getMore' },
      { ...on, operation: 'collection.insertOne', documents: 1 },
      { ...on, operation: 'collection.deleteOne', documents: 1 },
      { ...plain, operation: 'admin.command', database: 'admin' },
      { ...on, operation: 'collection.updateOne', documents: 1, session: true, transaction: true },
      { operation: 'session.commitTransaction', session: true, transaction: true },
    ]),
  );
});
