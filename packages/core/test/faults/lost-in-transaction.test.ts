import {
  MongoClient,
  WorkerLostError,
  type Collection,
  type FindCursor,
} from '@mongo-offload/core';
import * as native from 'mongodb';

import { uri } from '../support/clients';
import { WorkerPool } from '../support/internals';

interface Numbered extends native.Document {
  _id: number;
}

const dbName = `lost_in_transaction_${process.pid}`;
const COUNT = 60;
let admin: native.MongoClient;
let client: MongoClient;
let ours: Collection<Numbered>;

beforeAll(async () => {
  admin = new native.MongoClient(uri());
  const documents = Array.from({ length: COUNT }, (_, _id) => ({ _id }));
  await admin.db(dbName).collection<Numbered>('numbers').insertMany(documents);
  client = new MongoClient(uri(), { offload: { workers: 2 } });
  ours = client.db(dbName).collection('numbers');
  await admin.db(dbName).createCollection('read');
});
afterAll(async () => {
  await client.close();
  await admin.db(dbName).dropDatabase();
  await admin.close();
});

async function killWorkers(): Promise<void> {
  const { threads } = WorkerPool.running!;
  await Promise.all(threads.map(async (thread) => await thread.terminate()));
}

/** Reads all remaining documents, in every way that fetches further batches. */
const WAYS: Record<string, (cursor: FindCursor<Numbered>) => Promise<number>> = {
  toArray: async (cursor) => (await cursor.toArray()).length,
  toList: async (cursor) => (await cursor.toList(COUNT)).length,
  'for await': async (cursor) => {
    let count = 0;
    for await (const _ of cursor) count += 1;
    return count;
  },
  next: async (cursor) => {
    let count = 0;
    while ((await cursor.next()) !== null) count += 1;
    return count;
  },
  batches: async (cursor) => {
    let count = 0;
    for await (const batch of cursor.batches()) count += batch.length;
    return count;
  },
};

test.each(Object.entries(WAYS))(
  'a transaction whose worker dies while it reads a cursor runs again (%s)',
  async (way, readRest) => {
    let attempts = 0;
    const errors: unknown[] = [];
    await client.transaction(async () => {
      attempts += 1;
      const cursor = ours.find({}, { batchSize: 10 });
      let count = (await cursor.next()) === null ? 0 : 1;
      if (attempts === 1) await killWorkers();
      try {
        count += await readRest(cursor);
      } catch (error) {
        errors.push(error);
        throw error;
      }
      await client.db(dbName).collection('read').insertOne({ way, count });
    });
    expect(errors[0]).toBeInstanceOf(WorkerLostError);
    expect((errors[0] as WorkerLostError).hasErrorLabel('TransientTransactionError')).toBe(true);
    const stored = await admin.db(dbName).collection('read').find({ way }).toArray();
    expect(stored.map(({ count }) => count as number)).toStrictEqual([COUNT]);
  },
);

test('outside of a transaction, the error of a lost cursor has no transient label', async () => {
  await client.withSession(async (session) => {
    const cursor = ours.find({}, { batchSize: 10, session });
    await cursor.next();
    await killWorkers();
    const error = (await cursor.toArray().catch((thrown: unknown) => thrown)) as WorkerLostError;
    expect(error).toBeInstanceOf(WorkerLostError);
    expect(error.hasErrorLabel('TransientTransactionError')).toBe(false);
  });
});
