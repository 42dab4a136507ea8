import { WorkerLostError, type Collection } from '@mongo-offload/core';
import type * as native from 'mongodb';

// The pool is no public API; where it is loaded from, its threads can be ended as a crash would.
import { WorkerPool } from '../dist/pool/worker-pool.js';
import { openClients, type Clients } from './support/clients';

interface Thing extends native.Document {
  _id: number;
}

let clients: Clients;
let ours: Collection<Thing>;
let theirs: native.Collection<Thing>;

beforeAll(async () => {
  clients = openClients({ offload: { workers: 2, chunkBytes: 4096 } });
  ours = clients.ours.db.collection('lost');
  theirs = clients.native.db.collection('lost');
  await theirs.insertMany(
    Array.from({ length: 2_000 }, (_, _id) => ({ _id, text: 'x'.repeat(100) })),
  );
  await ours.findOne();
});
afterAll(async () => await clients.close());

/** Ends every worker thread of the pool at once. */
async function killWorkers(): Promise<void> {
  const { threads } = WorkerPool.running!;
  await Promise.all(threads.map(async (thread) => await thread.terminate()));
}

test('reads under way are run again elsewhere', async () => {
  const reads = Array.from({ length: 100 }, (_, _id) => ours.findOne({ _id }));
  const opening = ours
    .find({}, { sort: { _id: 1 } })
    .limit(5)
    .toArray();
  await killWorkers();
  expect((await Promise.all(reads)).map((document) => document?._id)).toStrictEqual(
    Array.from({ length: 100 }, (_, i) => i),
  );
  expect(await opening).toHaveLength(5);
});

test('writes under way reject and say that they may have been applied; none is run twice', async () => {
  const inserts = Array.from({ length: 200 }, (_, i) => ours.insertOne({ _id: 10_000 + i }));
  await killWorkers();
  const outcomes = await Promise.allSettled(inserts);
  const rejected = outcomes.filter((outcome) => outcome.status === 'rejected');
  for (const { reason } of rejected) {
    expect(reason).toBeInstanceOf(WorkerLostError);
    expect(reason).toMatchObject({
      code: 'MONGO_OFFLOAD_WORKER_LOST',
      mayHaveBeenApplied: true,
      retryable: false,
    });
  }
  expect(rejected.length).toBeGreaterThan(0);
  const there = await theirs.countDocuments({ _id: { $gte: 10_000 } });
  expect(there).toBeGreaterThanOrEqual(outcomes.length - rejected.length);
});

test('a cursor whose worker is gone says so, in every way of reading', async () => {
  const ways: ((cursor: ReturnType<typeof ours.find>) => Promise<unknown>)[] = [
    (cursor) => cursor.toArray(),
    async (cursor) => {
      for await (const document of cursor) expect(document).toBeDefined();
    },
    async (cursor) => {
      while ((await cursor.next()) !== null);
    },
    async (cursor) => {
      for await (const batch of cursor.batches()) expect(batch).toBeDefined();
    },
  ];
  for (const way of ways) {
    const cursor = ours.find({}, { batchSize: 50 });
    await cursor.next();
    await killWorkers();
    await expect(way(cursor)).rejects.toThrow(WorkerLostError);
    await cursor.close();
    expect(await ours.findOne({ _id: 1 })).not.toBeNull();
  }
});

test('a transaction whose worker is gone is void, says so, and holds no lock', async () => {
  await using session = clients.ours.client.startSession();
  session.startTransaction();
  await ours.insertOne({ _id: 20_000 }, { session });
  await killWorkers();
  const error = (await ours
    .insertOne({ _id: 20_001 }, { session })
    .catch((thrown: unknown) => thrown)) as WorkerLostError;
  expect(error.message).toMatch(/transaction that was not committed/);
  expect(error.hasErrorLabel('TransientTransactionError')).toBe(true);
  await expect(session.commitTransaction()).rejects.toThrow(WorkerLostError);
  await session.abortTransaction();
  expect(await theirs.countDocuments({ _id: { $gte: 20_000 } })).toBe(0);
  await theirs.insertOne({ _id: 20_000 }, { maxTimeMS: 1_000 });
});

test('withTransaction begins anew when its worker dies, and commits once', async () => {
  let attempts = 0;
  await clients.ours.client.withSession(async (session) => {
    await session.withTransaction(async () => {
      attempts += 1;
      await ours.insertOne({ _id: 30_000 + attempts }, { session });
      if (attempts < 3) await killWorkers();
      await ours.updateOne({ _id: 0 }, { $inc: { transactions: 1 } }, { session });
    });
  });
  expect(attempts).toBe(3);
  expect(await theirs.find({ _id: { $gte: 30_000 } }).toArray()).toStrictEqual([{ _id: 30_003 }]);
  expect((await theirs.findOne({ _id: 0 }))?.transactions).toBe(1);
});

test('a commit under way when its worker dies may be tried again, and holds once', async () => {
  await clients.ours.client.withSession(async (session) => {
    let attempts = 0;
    await session.withTransaction(async () => {
      attempts += 1;
      await ours.updateOne({ _id: 0 }, { $inc: { commits: 1 } }, { session });
      if (attempts === 1) setImmediate(() => void killWorkers());
    });
  });
  expect((await theirs.findOne({ _id: 0 }))?.commits).toBe(1);
});

test('the pool is whole again within a second', async () => {
  await killWorkers();
  const started = performance.now();
  await Promise.all([
    ours.findOne(),
    ours.countDocuments(),
    clients.ours.db.collection('other').findOne(),
  ]);
  expect(performance.now() - started).toBeLessThan(5_000);
  expect(WorkerPool.running!.threads).toHaveLength(2);
});

test('workers killed again and again under load leave every promise settled', async () => {
  let running = true;
  let settled = 0;
  const load = Array.from({ length: 20 }, async (_, lane) => {
    for (let n = 0; running; n++) {
      const operation =
        n % 3 === 0
          ? ours.updateOne({ _id: lane }, { $inc: { n: 1 } })
          : n % 3 === 1
            ? ours.findOne({ _id: n % 2000 })
            : ours.find({ _id: { $lt: 300 } }, { batchSize: 40 }).toArray();
      try {
        const result = await operation;
        if (n % 3 === 2) expect(result).toHaveLength(300);
      } catch (error) {
        expect(error).toBeInstanceOf(WorkerLostError);
      }
      settled += 1;
    }
  });
  for (let kill = 0; kill < 5; kill++) {
    const before = settled;
    while (settled < before + 30) await new Promise((resolve) => setTimeout(resolve, 5));
    await killWorkers();
  }
  running = false;
  await Promise.all(load);
  expect(settled).toBeGreaterThan(150);
}, 120_000);
