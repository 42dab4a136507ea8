import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

import { GridFSBucket, MongoClient, WorkerLostError, type Collection } from '@mongo-offload/core';
import type * as native from 'mongodb';

import { openClients, uri, type Clients } from '../support/clients';
import { crash, killWorkers } from '../support/crash';
import { failCommand } from '../support/fail-point';
import { WorkerPool } from '../support/internals';
import { slowly, underWay } from '../support/slow';
import { until } from '../support/until';

interface Thing extends native.Document {
  _id: number;
}

let clients: Clients;
let ours: Collection<Thing>;
let theirs: native.Collection<Thing>;

beforeAll(async () => {
  clients = openClients({
    offload: { workers: 2, chunkBytes: 4096, resourceLimits: { maxOldGenerationSizeMb: 128 } },
  });
  ours = clients.ours.db.collection('lost');
  theirs = clients.native.db.collection('lost');
  await theirs.insertMany(
    Array.from({ length: 2_000 }, (_, _id) => ({ _id, text: 'x'.repeat(100) })),
  );
  await ours.findOne();
});
afterAll(async () => await clients.close());

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

test('a write under way rejects and says that it may have been applied; it is not run again', async () => {
  const comment = randomUUID();
  const write = ours.updateOne({ _id: 1, ...slowly(500) }, { $inc: { once: 1 } }, { comment });
  write.catch(() => undefined);
  await underWay(clients.native.client, comment);
  await killWorkers();
  const error = (await write.catch((thrown: unknown) => thrown)) as WorkerLostError;
  expect(error).toBeInstanceOf(WorkerLostError);
  expect(error).toMatchObject({
    code: 'MONGO_OFFLOAD_WORKER_LOST',
    mayHaveBeenApplied: true,
    retryable: false,
  });
  expect(error.message).toMatch(
    /updateOne is gone \(the thread exited with code 1\)\..*check before you call it again/,
  );
  expect((await theirs.findOne({ _id: 1 }))?.once ?? 0).toBeLessThanOrEqual(1);
});

test('writes that their worker had not begun are run again elsewhere, once', async () => {
  for (const thread of WorkerPool.running!.threads) crash(thread, 'stall');
  // The workers look at nothing more by now.
  const first = ours.insertOne({ _id: 9_999 });
  const stalled = await Promise.race([first.then(() => 'answered'), delay(50, 'stalled')]);
  const inserts = Array.from({ length: 200 }, (_, i) => ours.insertOne({ _id: 10_000 + i }));
  await Promise.all([first, ...inserts]);
  expect(stalled).toBe('stalled');
  expect(await theirs.countDocuments({ _id: { $gte: 9_999, $lt: 11_000 } })).toBe(201);
});

test('what is run again elsewhere keeps the order of the calls', async () => {
  // One connection for each worker: on several, no two operations have an order.
  await using client = new MongoClient(uri(), { maxPoolSize: 2 });
  const collection = client.db(clients.dbName).collection<Thing>('lost');
  await collection.updateOne({ _id: 4 }, { $set: { order: [] } });
  // One that dies before it has started is started again only when it is needed.
  const pool = WorkerPool.running!;
  for (const slot of pool.slots.slice(0, 2)) slot.lane();
  await until(() => pool.openLanes().length === 2 && pool.openLanes().every((l) => l.started));
  const lanes = pool.openLanes();
  for (const thread of pool.threads) crash(thread, 'stall');
  const pushes: Promise<unknown>[] = [];
  // A call with a signal takes another way, on which it hears of its loss later.
  const { signal } = new AbortController();
  const push = (from: number, to: number): void => {
    for (let i = from; i < to; i++) {
      const options = i % 3 === 0 ? { signal } : {};
      pushes.push(collection.updateOne({ _id: 4 }, { $push: { order: i } as never }, options));
    }
  };
  push(0, 50);
  // More calls come while the workers die, and after that.
  await until(() => lanes.some((lane) => !lane.usable));
  push(50, 60);
  await until(() => pool.openLanes().filter((lane) => !lanes.includes(lane)).length === 2);
  push(60, 70);
  await Promise.all(pushes);
  const { order } = (await theirs.findOne({ _id: 4 })) as unknown as { order: number[] };
  // The driver lets the operation that connects a client be overtaken.
  const rest = order.filter((i) => i !== 0);
  expect(rest).toStrictEqual(Array.from({ length: 69 }, (_, i) => i + 1));
  expect(order).toHaveLength(70);
});

test('what kills every worker is tried on five, and then said', async () => {
  const comment = randomUUID();
  const read = ours.findOne({ _id: 2, ...slowly(3_000) }, { comment });
  read.catch(() => undefined);
  const tries: number[] = [];
  while (tries.length < 5) {
    tries.push(await underWay(clients.native.client, comment, tries));
    await killWorkers();
  }
  const error = (await read.catch((thrown: unknown) => thrown)) as WorkerLostError;
  expect(error).toBeInstanceOf(WorkerLostError);
  expect(error).toMatchObject({ mayHaveBeenApplied: false, retryable: true });
  expect(await ours.findOne({ _id: 2 })).not.toBeNull();
});

test('an aggregation that writes is not run again', async () => {
  const comment = randomUUID();
  const pipeline = [{ $match: { _id: 1, ...slowly(500) } }, { $out: 'lost_out' }];
  const writing = ours.aggregate(pipeline, { comment }).toArray();
  writing.catch(() => undefined);
  await underWay(clients.native.client, comment);
  await killWorkers();
  await expect(writing).rejects.toMatchObject({ mayHaveBeenApplied: true, retryable: false });
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
  expect(error.message).toMatch(/uncommitted transaction/);
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

test.each([
  ['exit', 'exited with code 3'],
  ['throw', 'thrown on purpose'],
  ['memory', 'reaching memory limit'],
] as const)(
  'a worker that dies by %s says so; the pool is whole again without being asked, and the other noticed nothing',
  async (how, cause) => {
    const pool = WorkerPool.running!;
    await until(() => pool.openLanes().every(({ started }) => started));
    const comments = [randomUUID(), randomUUID()];
    await clients.native.db
      .collection<Thing>('kept')
      .updateOne({ _id: 5 }, { $set: { text: '' } }, { upsert: true });
    // On two collections, so that they go to two workers.
    const writes = ['lost', 'kept'].map((name, i) =>
      clients.ours.db
        .collection<Thing>(name)
        .updateOne({ _id: 5, ...slowly(600) }, { $inc: { n: 1 } }, { comment: comments[i] }),
    );
    for (const write of writes) write.catch(() => undefined);
    for (const comment of comments) await underWay(clients.native.client, comment);
    const [victim, other] = pool.openLanes();
    expect([victim.load, other.load]).toStrictEqual([1, 1]);
    crash(pool.threads[0], how);
    await until(() => !victim.usable);
    const died = performance.now();
    await until(() => pool.openLanes().length === 2 && pool.openLanes().every((l) => l.started));
    // On a machine that does nothing else it takes a quarter of a second.
    expect(performance.now() - died).toBeLessThan(3_000);
    expect(other.usable).toBe(true);
    const outcomes = await Promise.allSettled(writes);
    const [lost] = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(outcomes.map(({ status }) => status).sort()).toStrictEqual(['fulfilled', 'rejected']);
    expect(lost.reason).toBeInstanceOf(WorkerLostError);
    expect((lost.reason as WorkerLostError).cause).toMatchObject({
      message: expect.stringContaining(cause) as string,
    });
  },
);

describe('what a program holds when its worker dies', () => {
  test('a bulk operation', async () => {
    const bulk = ours.initializeOrderedBulkOp();
    bulk.find({ _id: 7, ...slowly(500) }).updateOne({ $inc: { bulk: 1 } });
    const comment = randomUUID();
    const executing = bulk.execute({ comment });
    executing.catch(() => undefined);
    await underWay(clients.native.client, comment);
    await killWorkers();
    await expect(executing).rejects.toMatchObject({
      name: 'WorkerLostError',
      mayHaveBeenApplied: true,
    });
  });

  test('a GridFS upload and a download', async () => {
    const bucket = new GridFSBucket(clients.ours.db, { chunkSizeBytes: 1_024 });
    const upload = bucket.openUploadStream('file');
    await new Promise<void>((resolve, reject) => {
      upload.on('error', reject);
      upload.end(Buffer.alloc(400 * 1_024), resolve);
    });
    const download = bucket.openDownloadStream(upload.id);
    const reading = (async () => {
      for await (const piece of download) {
        expect(piece).toBeDefined();
        await killWorkers();
      }
    })();
    await expect(reading).rejects.toThrow(WorkerLostError);

    const appName = `lost-${randomUUID()}`;
    const client = new MongoClient(uri(), { appName, monitorCommands: true });
    const chunks = new GridFSBucket(client.db(clients.dbName), { chunkSizeBytes: 1_024 });
    const broken = chunks.openUploadStream('broken');
    const failed = once(broken, 'error');
    await client.db('admin').command({ ping: 1 });
    const unblock = await failCommand(clients.native.client, appName, 'alwaysOn', {
      failCommands: ['insert'],
      blockConnection: true,
      blockTimeMS: 2_000,
    });
    const inserting = new Promise<void>((resolve) =>
      client.on('commandStarted', ({ commandName }) => {
        if (commandName === 'insert') resolve();
      }),
    );
    broken.write(Buffer.alloc(4_096));
    await inserting;
    await killWorkers();
    expect((await failed)[0]).toBeInstanceOf(WorkerLostError);
    await unblock();
    await client.close();
  });

  test('a change stream goes on', async () => {
    const stream = ours.watch();
    const first = stream.next();
    await ours.insertOne({ _id: 50_000 });
    expect((await first).operationType).toBe('insert');
    const second = stream.next();
    await killWorkers();
    await ours.insertOne({ _id: 50_001 });
    expect(await second).toMatchObject({ documentKey: { _id: 50_001 } });
    await stream.close();
  });

  test('closing', async () => {
    const client = new MongoClient(uri());
    await client.db('admin').command({ ping: 1 });
    const cursor = client.db(clients.dbName).collection('lost').find({}, { batchSize: 10 });
    await cursor.next();
    await Promise.all([killWorkers(), client.close(), killWorkers()]);
    await client.close();
  });
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
});
