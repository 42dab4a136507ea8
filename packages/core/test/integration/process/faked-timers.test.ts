import { GridFSBucket, MongoClient } from '@mongo-offload/core';

import { uri } from '../../support/clients';

const dbName = `faked_timers_${process.pid}`;
const COUNT = 3_000;

/** Faked as programs have them in their tests, with which the driver gets on: `process.nextTick` is Node's. */
beforeEach(() =>
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'hrtime', 'performance'] }),
);
afterEach(() => jest.useRealTimers());

test('where timers stand still, everything goes on that has no need of them', async () => {
  const client = new MongoClient(uri(), { offload: { sliceMS: 1 } });
  const db = client.db(dbName);
  const collection = db.collection<{ _id: number; text: string }>('documents');
  const documents = Array.from({ length: COUNT }, (_, _id) => ({ _id, text: 'x'.repeat(1_000) }));
  // Encoding it, and decoding it again, takes several slices.
  expect((await collection.insertMany(documents)).insertedCount).toBe(COUNT);
  expect(await collection.find({}, { sort: { _id: 1 } }).toArray()).toEqual(documents);

  let read = 0;
  for await (const { _id } of collection.find({}, { limit: 50, deadlineMS: 60_000 })) {
    const end = process.hrtime.bigint() + 500_000n;
    while (process.hrtime.bigint() < end);
    read += _id < 0 ? 0 : 1;
  }
  expect(read).toBe(50);
  expect(await collection.find().limit(500).stream().toArray()).toHaveLength(500);

  await client.transaction(async () => await collection.deleteOne({ _id: 1 }));
  expect(await collection.countDocuments()).toBe(COUNT - 1);

  const bytes = Buffer.alloc(2_000_000, 'bytes');
  const bucket = new GridFSBucket(db);
  const upload = bucket.openUploadStream('file');
  upload.end(bytes);
  await new Promise((resolve, reject) => upload.on('finish', resolve).on('error', reject));
  const chunks = await bucket.openDownloadStream(upload.id).toArray();
  expect(Buffer.concat(chunks as Buffer[]).equals(bytes)).toBe(true);

  await db.dropDatabase();
  await client.close();
});

test('our own limits are kept all the same, by the real clock', async () => {
  const client = new MongoClient('mongodb://127.0.0.1:1', { offload: { deadlineMS: 200 } });
  await expect(client.db(dbName).command({ ping: 1 })).rejects.toThrow(/200 ms/);
  await expect(client.waitUntilReady({ timeoutMS: 300 })).rejects.toThrow(/300 ms/);
  await client.close();
});
