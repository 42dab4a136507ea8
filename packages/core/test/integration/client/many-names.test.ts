import { MongoClient, type Collection } from '@mongo-offload/core';
import * as native from 'mongodb';

import { uri } from '../../support/clients';
import { program } from '../../support/program';

const dbName = `n${process.pid}`;
let admin: native.MongoClient;
let client: MongoClient;

beforeAll(() => {
  admin = new native.MongoClient(uri());
});
afterEach(async () => await client?.close());
afterAll(async () => {
  await admin.db(dbName).dropDatabase();
  await admin.close();
});

test('a collection named like another with its options is a collection of its own', async () => {
  client = new MongoClient(uri());
  const db = client.db(dbName);
  const withOptions = db.collection('o', { writeConcern: { w: 1 } });
  const options = { writeConcern: { w: 1 }, ...withOptions.bsonOptions };
  const others = [
    `o${JSON.stringify([null, options])}`,
    `o${JSON.stringify(options)}`,
    'o\u2028',
    'o ',
    'o.o',
  ].map((name) => db.collection(name));
  await admin.db(dbName).collection('o').insertOne({ secret: true });
  await withOptions.findOne();
  for (const other of others) {
    expect(await other.findOne()).toBeNull();
    await other.insertOne({ secret: false });
    expect(await withOptions.countDocuments()).toBe(1);
    expect(await admin.db(dbName).collection(other.collectionName).countDocuments()).toBe(1);
  }
});

test('a database whose name holds a null byte is no collection of another database', async () => {
  client = new MongoClient(uri());
  await client.db(dbName).collection('c').countDocuments();
  // The server refuses such a name.
  await expect(client.db(`${dbName}\0c`).stats()).rejects.toThrow(native.MongoServerError);
});

test('more collections than a worker remembers can be used in turns, and all at once', async () => {
  client = new MongoClient(uri(), { offload: { workers: 1 } });
  const db = client.db(dbName);
  const kept = Array.from({ length: 2_200 }, (_, n) =>
    db.collection<{ _id: number }>(`t${n % 7}_${n}`),
  );
  const ask = async (rows: Collection<{ _id: number }>): Promise<unknown> =>
    await rows
      .aggregate([{ $collStats: { count: {} } }])
      .toArray()
      .catch((error: unknown) => (error as Error).message);
  // The server's answer names the collection, so it shows a call that reached another one.
  const asked = [...kept, ...kept.slice(0, 200), ...kept.slice(-200)];
  const answers = await Promise.all(asked.map(ask));
  answers.forEach((answer, n) => expect(answer).toContain(`.${asked[n].collectionName}`));
  const name = 'kept_while_others_come';
  const cursor = db.collection(name);
  await cursor.insertMany(Array.from({ length: 300 }, (_, n) => ({ n })));
  const open = cursor.find({}, { batchSize: 50 });
  await open.next();
  await Promise.all(kept.map(ask));
  expect(await open.toArray()).toHaveLength(299);
});

test('a worker with little memory lives through thousands of names of databases and collections', async () => {
  const out = await program(
    `
    const offload = { workers: 1, resourceLimits: { maxOldGenerationSizeMb: 48 } };
    const client = new MongoClient(uri, { offload });
    const level = (n) => ({ readConcern: { level: n % 2 ? 'local' : 'majority' } });
    const go = async (from, to) => {
      for (let i = from; i < to; i += 100) {
        await Promise.all(Array.from({ length: 100 }, (_, k) =>
          client.db('d' + ((i + k) % 997)).collection('tenant_' + (i + k), level(i + k)).findOne({ _id: 1 })));
      }
    };
    await go(0, 1_100);
    global.gc();
    const heap = () => process.memoryUsage().heapUsed;
    const before = heap();
    await go(1_100, 2_600);
    global.gc();
    const { workers: [worker] } = await client.offload.stats({});
    console.log(JSON.stringify({ more: heap() - before, restarts: worker.restarts }));
    await client.close();`,
    { flags: ['--expose-gc'] },
  );
  const { more, restarts } = JSON.parse(out) as { more: number; restarts: number };
  expect(restarts).toBe(0);
  expect(more).toBeLessThan(1e6);
});
