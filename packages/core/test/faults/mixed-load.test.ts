import {
  DeadlineExceededError,
  type MongoClient,
  type OffloadMongoClientOptions,
} from '@mongo-offload/core';
import type { RunningReplicaSet } from '@mongo-offload/mongod' with { 'resolution-mode': 'import' };
import type { Faults } from '@mongo-offload/proxy' with { 'resolution-mode': 'import' };
import * as native from 'mongodb';

import { WorkerPool } from '../support/internals';
import { Load } from '../support/load';
import { noticingClient } from '../support/noticing-client';
import { until } from '../support/until';

const KILLED_WORKERS = 100;

let set: RunningReplicaSet;

beforeAll(async () => {
  const { startReplicaSet } = await import('@mongo-offload/mongod');
  set = await startReplicaSet();
});
afterEach(async () => {
  for (const member of set.members) member.resume();
  await Promise.all(set.members.map(async ({ proxy }) => await proxy.heal()));
});
afterAll(async () => {
  await set?.stop();
});

function open(options: OffloadMongoClientOptions = {}): MongoClient {
  return noticingClient(set.uri, {
    serverSelectionTimeoutMS: 15_000,
    offload: { workers: 2 },
    ...options,
  });
}

async function everywhere(faults: Faults): Promise<void> {
  await Promise.all(set.members.map(async ({ proxy }) => await proxy.set(faults)));
}

/**
 * Runs the load while `hurt` does its worst; then nothing may be missing, double, or left open. (A
 * rejection that nobody handles fails the test: jest sees to that.)
 */
async function underLoad(what: string, hurt: (load: Load) => Promise<string>): Promise<void> {
  const admin = new native.MongoClient(set.uri);
  const client = open();
  const load = new Load(client);
  try {
    await load.start(admin);
    await load.progress(50);
    const done = await hurt(load);
    await load.progress(50);
    await load.stop();
    await load.verify(admin);
    process.stderr.write(`${what}: ${done}; ${load.report()}\n`);
  } finally {
    await load.stop().catch(() => undefined);
    await client.close();
    await admin.close();
  }
  expect(WorkerPool.running).toBeUndefined();
  // Those of the replica set's own go past the proxies.
  await until(async () => {
    const left = await Promise.all(set.members.map(async ({ proxy }) => await proxy.connections()));
    return left.every((count) => count === 0);
  });
}

describe('under a mixed load, nothing acknowledged is lost, nothing happens twice, all settles', () => {
  test('when the primary is killed and comes back, twice', async () => {
    await underLoad('primary killed', async (load) => {
      for (let kill = 0; kill < 2; kill++) {
        const primary = await set.primary();
        await primary.kill();
        await load.progress(50);
        await primary.start();
        await set.settled();
        await load.watched();
      }
      return '2 kills';
    });
  });

  test('when the primary steps down, three times', async () => {
    await underLoad('step-down', async (load) => {
      for (let times = 0; times < 3; times++) {
        await set.stepDown();
        await load.progress(50);
        await set.settled();
      }
      return '3 failovers';
    });
  });

  test('when the primary is cut off: connections break and are refused, and another is elected', async () => {
    await underLoad('cut off', async (load) => {
      for (let times = 0; times < 2; times++) {
        const primary = await set.primary();
        await primary.proxy.set({ refused: true });
        await primary.proxy.cut();
        await set.stepDown();
        await load.progress(50);
        await primary.proxy.heal();
        await set.settled();
        await load.progress(50);
      }
      return 'twice';
    });
  });

  test('when the network swallows everything of the primary for a while', async () => {
    await underLoad('black hole', async (load) => {
      const primary = await set.primary();
      const noticed = new Promise<void>((resolve) => {
        load.client.on('serverDescriptionChanged', ({ address, newDescription: { type } }) => {
          if (address === primary.address && type === 'Unknown') resolve();
        });
      });
      await primary.proxy.set({ stalled: true });
      await noticed;
      await primary.proxy.heal();
      await load.progress(50);
      return 'once';
    });
  });

  test('when the primary freezes, another is elected, and it comes back', async () => {
    await underLoad('frozen', async (load) => {
      const primary = await set.primary();
      await primary.pause();
      await load.progress(50);
      primary.resume();
      await set.settled();
      return 'once';
    });
  });

  test(`when a worker is killed ${KILLED_WORKERS} times`, async () => {
    await underLoad('workers killed', async (load) => {
      for (let kill = 0; kill < KILLED_WORKERS; kill++) {
        const { threads } = WorkerPool.running!;
        await threads[Math.floor(Math.random() * threads.length)]?.terminate();
        await load.progress(10);
      }
      return `${KILLED_WORKERS} kills`;
    });
  }, 600_000);
});

test('a server that accepts and never answers: deadlineMS holds', async () => {
  await using client = open();
  const collection = client.db('faults').collection('deadline');
  await collection.insertOne({});
  await everywhere({ stalled: true });
  const options = { deadlineMS: 300 } as native.FindOptions;
  const late: number[] = [];
  for (let i = 0; i < 5; i++) {
    const began = performance.now();
    await expect(collection.findOne({}, options)).rejects.toThrow(DeadlineExceededError);
    late.push(performance.now() - began - 300);
  }
  late.sort((a, b) => a - b);
  // The middle one of five: the machine may be busy for a moment.
  expect(late[2]).toBeLessThan(100);
  await everywhere({});
  expect(await collection.findOne()).not.toBeNull();
});

test('a slow network slows, and breaks nothing', async () => {
  await using client = open();
  const collection = client.db('faults').collection<{ _id: number; text: string }>('slow');
  await collection.deleteMany({});
  await everywhere({ delayMS: 30, bytesPerSecond: 400_000 });
  const documents = Array.from({ length: 200 }, (_, _id) => ({ _id, text: 'x'.repeat(500) }));
  await collection.insertMany(documents);
  expect(await collection.find().sort({ _id: 1 }).toArray()).toStrictEqual(documents);
});

test('a reset in the midst of a large result rejects with the network error; the next read is whole', async () => {
  await using client = open();
  const collection = client.db('faults').collection('large');
  await collection.deleteMany({});
  await collection.insertMany(Array.from({ length: 1_000 }, () => ({ text: 'x'.repeat(2_000) })));
  await everywhere({ resetAfterBytes: 500_000 });
  await expect(collection.find().toArray()).rejects.toThrow(native.MongoNetworkError);
  await everywhere({});
  expect(await collection.find().toArray()).toHaveLength(1_000);
});

test('a full pool makes operations wait, and waitQueueTimeoutMS ends the wait', async () => {
  await using client = open({ maxPoolSize: 2, waitQueueTimeoutMS: 10_000 });
  const collection = client.db('faults').collection('pool');
  const inserts = Array.from({ length: 300 }, async (_, n) => await collection.insertOne({ n }));
  await Promise.all(inserts);
  await using impatient = open({ maxPoolSize: 2, waitQueueTimeoutMS: 300 });
  const same = impatient.db('faults').collection('pool');
  await Promise.all([same.findOne(), same.findOne(), same.findOne(), same.findOne()]);
  await everywhere({ stalled: true });
  const reads = Array.from({ length: 8 }, async () => await same.findOne());
  const outcomes = Promise.allSettled(reads);
  await expect(
    Promise.any(
      reads.map(
        async (read) =>
          await read.then(
            () => Promise.reject(new Error('answered')),
            (error: unknown) => error,
          ),
      ),
    ),
  ).resolves.toBeInstanceOf(native.MongoError);
  await everywhere({});
  const reasons = (await outcomes).flatMap((one) =>
    one.status === 'rejected' ? [one.reason as Error] : [],
  );
  expect(reasons.map(({ name }) => name)).toContain('MongoWaitQueueTimeoutError');
});

test('a cursor whose server is lost says so at once, and a change stream goes on with another', async () => {
  await using client = open({ monitorCommands: true });
  const collection = client.db('faults').collection<{ _id: number }>('lost');
  await collection.deleteMany({});
  await using stream = collection.watch([], { maxAwaitTimeMS: 20_000 });
  const seen = new Set<unknown>();
  const reading = (async () => {
    for await (const change of stream) {
      if (change.operationType === 'insert') seen.add(change.documentKey._id);
    }
  })();
  reading.catch(() => undefined);
  // This one has nothing under way when its server is lost.
  await using idle = collection.watch();
  let idleHasShown = false;
  const first = idle.next().then(() => (idleHasShown = true));
  let inserted = 0;
  await until(async () => {
    await collection.insertOne({ _id: inserted++ });
    return seen.size > 0 && idleHasShown;
  });
  await first;
  await until(() => seen.has(inserted - 1));
  await collection.insertMany([{ _id: -3 }, { _id: -2 }, { _id: -1 }]);
  await until(() => seen.has(-1));

  await using cursor = collection.find({}, { batchSize: 2, sort: { _id: 1 } });
  expect([await cursor.next(), await cursor.next()]).toStrictEqual([{ _id: -3 }, { _id: -2 }]);
  const primary = await set.primary();
  await primary.proxy.set({ stalled: true });
  const asked = new Promise<void>((resolve) => {
    client.on('commandStarted', ({ commandName, command }) => {
      if (commandName === 'getMore' && command.batchSize === 2) resolve();
    });
  });
  const more = cursor.next();
  more.catch(() => undefined);
  await asked;
  await primary.proxy.set({ stalled: true, refused: true });
  await primary.proxy.cut();
  const cut = performance.now();
  // The driver waits with both until it can send killCursors, or gives up selecting the server for it: 15 s here.
  await expect(more).rejects.toThrow(native.MongoNetworkError);
  expect(performance.now() - cut).toBeLessThan(7_000);
  await set.stepDown();
  await collection.insertOne({ _id: inserted });
  await until(() => seen.has(inserted));
  let change = await idle.next();
  while (change.operationType !== 'insert' || change.documentKey._id !== inserted)
    change = await idle.next();
  expect(performance.now() - cut).toBeLessThan(12_000);
  await primary.proxy.heal();
  await set.settled();
});

test('a change stream outlives an outage that is longer than a server may take to be selected', async () => {
  await using client = open({ serverSelectionTimeoutMS: 1_000 });
  const collection = client.db('faults').collection<{ _id: number }>('outage');
  await collection.deleteMany({});
  await using stream = collection.watch([{ $match: { operationType: 'insert' } }], {
    maxAwaitTimeMS: 20_000,
  });
  const seen: unknown[] = [];
  const reading = (async () => {
    for await (const change of stream)
      seen.push((change as { documentKey: native.Document }).documentKey);
  })();
  reading.catch(() => undefined);
  let inserted = 0;
  await until(async () => {
    await collection.insertOne({ _id: inserted++ });
    return seen.length > 0;
  });
  await until(() => seen.length === inserted);
  await everywhere({ refused: true });
  await Promise.all(set.members.map(async ({ proxy }) => await proxy.cut()));
  const cut = performance.now();
  while (performance.now() - cut < 2_500) {
    await expect(collection.findOne()).rejects.toThrow(native.MongoError);
  }
  await everywhere({});
  await until(async () =>
    collection.insertOne({ _id: inserted }).then(
      () => true,
      () => false,
    ),
  );
  await Promise.race([until(() => seen.length > inserted), reading]);
  expect(seen).toStrictEqual(Array.from({ length: inserted + 1 }, (_, _id) => ({ _id })));
});

test('a change stream that is closed while it looks for a server stays closed', async () => {
  await using client = open({ serverSelectionTimeoutMS: 1_000 });
  const collection = client.db('faults').collection('closed');
  const stream = collection.watch([], { maxAwaitTimeMS: 20_000 });
  const first = stream.next();
  await collection.insertOne({});
  await first;
  const next = stream.next();
  next.catch(() => undefined);
  await everywhere({ refused: true });
  await Promise.all(set.members.map(async ({ proxy }) => await proxy.cut()));
  // By now it has heard of the loss, and looks for a server.
  await expect(collection.findOne()).rejects.toThrow(native.MongoError);
  await stream.close();
  await everywhere({});
  await expect(next).rejects.toThrow(new native.MongoAPIError('ChangeStream is closed'));
  const { workers } = await client.offload.stats();
  expect(workers.map(({ openCursors }) => openCursors)).toStrictEqual([0, 0]);
});
