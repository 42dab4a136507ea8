import { WorkerLostError, type FindCursor } from '@mongo-offload/core';

import { killWorkers } from '../support/crash';
import { openNumbers, type Numbered, type Numbers } from '../support/numbers';

const COUNT = 60;
let numbers: Numbers;

beforeAll(async () => {
  numbers = await openNumbers(COUNT, { offload: { workers: 2 } });
  await numbers.admin.db(numbers.dbName).createCollection('read');
});
afterAll(async () => await numbers.close());

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
    const { admin, client, dbName, ours } = numbers;
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
  const { client, ours } = numbers;
  await client.withSession(async (session) => {
    const cursor = ours.find({}, { batchSize: 10, session });
    await cursor.next();
    await killWorkers();
    const error = (await cursor.toArray().catch((thrown: unknown) => thrown)) as WorkerLostError;
    expect(error).toBeInstanceOf(WorkerLostError);
    expect(error.hasErrorLabel('TransientTransactionError')).toBe(false);
  });
});
