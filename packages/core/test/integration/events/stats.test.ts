import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { MongoClient, type OffloadStats, type WorkerStats } from '@mongo-offload/core';

import { openClients, uri, type Clients } from '../../support/clients';
import { crash } from '../../support/crash';
import { WorkerPool } from '../../support/internals';
import { slowly, underWay } from '../../support/slow';
import { until } from '../../support/until';

let clients: Clients;

beforeAll(async () => {
  clients = openClients({ offload: { workers: 2, chunkBytes: 4096 } });
  await clients.native.db
    .collection('many')
    .insertMany(Array.from({ length: 3_000 }, (_, i) => ({ i, text: 'x'.repeat(100) })));
});
afterAll(async () => await clients.close());

const stats = async (...options: Parameters<MongoClient['offload']['stats']>) =>
  await clients.ours.client.offload.stats(...options);

type Counts = 'inFlight' | 'queued' | 'done' | 'failed' | 'openCursors' | 'sessions' | 'restarts';

/** A number of all workers together. */
function sum({ workers }: OffloadStats, of: Counts): number {
  return workers.reduce((all, worker) => all + worker[of], 0);
}

test('a process whose pool has not started has no workers, and is not watched', async () => {
  const client = new MongoClient(uri());
  expect(await client.offload.stats()).toStrictEqual({
    client: { inFlight: 0, queued: 0 },
    workers: [],
    main: null,
  });
  await client.close();
});

test('each worker of the pool is told of, needed or not, in values that JSON keeps', async () => {
  await clients.ours.db.collection('many').findOne();
  const now = await stats();
  expect(JSON.parse(JSON.stringify(now))).toStrictEqual(now);
  expect(now.workers.map(({ worker }) => worker)).toStrictEqual([0, 1]);
  const running = now.workers.find(({ state }) => state === 'running')!;
  expect(running).toStrictEqual<WorkerStats>({
    worker: expect.any(Number),
    state: 'running',
    threadId: expect.any(Number),
    inFlight: 0,
    queued: 0,
    done: expect.any(Number),
    failed: 0,
    restarts: 0,
    openCursors: 0,
    sessions: 0,
    eventLoop: {
      idle: expect.any(Number),
      active: expect.any(Number),
      utilization: expect.any(Number),
    },
    heap: { used: expect.any(Number), limit: expect.any(Number), external: expect.any(Number) },
  });
  const { used, limit } = running.heap!;
  expect(used).toBeGreaterThan(1_000_000);
  expect(limit).toBeGreaterThan(used);
  expect(running.eventLoop!.active).toBeGreaterThan(0);
  const threads = WorkerPool.running!.threads.map(({ threadId }) => threadId);
  expect(threads).toContain(running.threadId);
});

test('what Node makes of two event loop utilizations works on these', async () => {
  const before = (await stats()).workers.find(({ state }) => state === 'running')!;
  for (let i = 0; i < 20; i++) await clients.ours.db.collection('many').findOne();
  const after = (await stats()).workers[before.worker];
  const { active, utilization } = performance.eventLoopUtilization(
    after.eventLoop!,
    before.eventLoop!,
  );
  expect(active).toBeGreaterThan(0);
  expect(utilization).toBeGreaterThan(0);
  expect(utilization).toBeLessThanOrEqual(1);
});

test('operations are counted when they end, well or not, and while they are under way', async () => {
  const { client, db } = clients.ours;
  const before = await stats();
  const comment = randomUUID();
  const slow = db.collection('many').findOne({ i: 0, ...slowly(300) }, { comment });
  await underWay(clients.native.client, comment);
  const meanwhile = await stats();
  expect(sum(meanwhile, 'inFlight')).toBe(1);
  expect(sum(meanwhile, 'queued')).toBe(0);
  await slow;
  await Promise.all([db.collection('many').findOne(), client.db('admin').command({ ping: 1 })]);
  await expect(db.command({ noSuchCommand: 1 })).rejects.toThrow(/no such c/);
  const after = await stats();
  expect(sum(after, 'inFlight')).toBe(0);
  expect(sum(after, 'done') - sum(before, 'done')).toBe(3);
  expect(sum(after, 'failed') - sum(before, 'failed')).toBe(1);
});

test('what waits until other operations of its client have ended is told of', async () => {
  const client = new MongoClient(uri(), { offload: { maxInFlight: 1 } });
  try {
    const many = client.db(clients.dbName).collection('many');
    const comment = randomUUID();
    const slow = many.findOne({ i: 0, ...slowly(300) }, { comment });
    await underWay(clients.native.client, comment);
    const waiting = [many.findOne(), many.findOne()];
    expect((await client.offload.stats()).client).toStrictEqual({ inFlight: 1, queued: 2 });
    // Another client's are not this one's.
    expect((await stats()).client).toStrictEqual({ inFlight: 0, queued: 0 });
    await Promise.all([slow, ...waiting]);
    expect((await client.offload.stats()).client).toStrictEqual({ inFlight: 0, queued: 0 });
  } finally {
    await client.close();
  }
});

test('a cursor is open until all was sent or it is closed; a session lives until it ends', async () => {
  const { client, db } = clients.ours;
  const many = db.collection('many');
  const first = many.find({}, { batchSize: 100 });
  await first.next();
  const second = many.find({}, { batchSize: 100 });
  await second.next();
  const session = client.startSession();
  await many.findOne({}, { session });
  const open = await stats();
  expect(sum(open, 'openCursors')).toBe(2);
  expect(sum(open, 'sessions')).toBe(1);
  await first.close();
  expect(sum(await stats(), 'openCursors')).toBe(1);
  expect(await second.toArray()).toHaveLength(2_999);
  await session.endSession();
  const closed = await stats();
  expect(sum(closed, 'openCursors')).toBe(0);
  expect(sum(closed, 'sessions')).toBe(0);
});

test('the main thread is measured while someone watches, and not otherwise', async () => {
  const many = clients.ours.db.collection('many');
  expect((await stats()).main).toBeNull();
  expect((await stats({ watch: true })).main).toMatchObject({ decodingMS: 0, longestSliceMS: 0 });
  await many.find().toArray();
  for await (const document of many.find()) if (document.i === 5) break;
  const { main } = await stats();
  expect(main!.decodingMS).toBeGreaterThan(0);
  expect(main!.longestSliceMS).toBeGreaterThan(0);
  expect(main!.longestSliceMS).toBeLessThanOrEqual(main!.decodingMS);
  expect(main!.watchedMS).toBeGreaterThanOrEqual(main!.decodingMS);

  const start = performance.now();
  while (performance.now() - start < 150);
  await until(async () => (await stats()).main!.longestStallMS >= 100);
  expect((await stats({ restart: true })).main!.longestStallMS).toBeGreaterThanOrEqual(100);
  await until(async () => (await stats({ restart: true })).main!.longestStallMS < 100);
  expect((await stats()).main!.decodingMS).toBeGreaterThanOrEqual(main!.decodingMS);
  expect((await stats({ watch: false })).main).not.toBeNull();
  expect((await stats()).main).toBeNull();
});

test('a client that closes watches no more; another goes on', async () => {
  const other = new MongoClient(uri());
  await other.offload.stats({ watch: true });
  await stats({ watch: true });
  await other.close();
  expect((await stats()).main).not.toBeNull();
  const third = new MongoClient(uri());
  await third.offload.stats({ watch: true });
  await stats({ watch: false });
  expect((await stats()).main).not.toBeNull();
  await third.close();
  expect((await stats()).main).toBeNull();
});

describe('a worker in trouble', () => {
  /** Whether all threads run, and so many of them in the place of others. */
  const restarted = (now: OffloadStats, before: OffloadStats, count: number): boolean =>
    sum(now, 'restarts') - sum(before, 'restarts') === count &&
    now.workers.every(({ state }) => state === 'running');

  test('one that is stuck: what it has not taken is queued, and its memory is not known', async () => {
    await clients.ours.db.collection('many').findOne();
    const threads = [...WorkerPool.running!.threads];
    for (const thread of threads) crash(thread, 'busy');
    // The thread is stuck when it has answered nothing for a while.
    await until(async () => (await stats()).workers.every(({ heap }) => heap === null));
    const reads = Array.from({ length: 10 }, () => clients.ours.db.collection('many').findOne());
    const stuck = await stats();
    expect(sum(stuck, 'inFlight')).toBe(10);
    expect(sum(stuck, 'queued')).toBe(10);
    await Promise.all(reads);
    const after = await stats();
    expect(sum(after, 'queued')).toBe(0);
    expect(after.workers.filter(({ state }) => state === 'running')).not.toHaveLength(0);
  });

  test('asking while threads die and clients close gives an answer, and soon', async () => {
    const { db, client } = clients.ours;
    await db.collection('many').findOne();
    const other = new MongoClient(uri());
    await other.connect();
    const before = await stats();
    const asked = [stats()];
    const { threads } = WorkerPool.running!;
    for (const thread of threads) crash(thread, 'exit');
    const closing = other.close();
    const start = performance.now();
    for (let i = 0; i < 50; i++) {
      asked.push(client.offload.stats(), other.offload.stats());
      await nextTurn();
    }
    const answers = await Promise.all(asked);
    expect(performance.now() - start).toBeLessThan(2_000);
    for (const { workers } of answers) expect(workers).toHaveLength(2);
    await closing;
    await until(async () => restarted(await stats(), before, threads.length));
    await db.collection('many').findOne();
  });

  test('one that died was restarted; what it was lost with has failed', async () => {
    const { db } = clients.ours;
    await db.collection('many').findOne();
    const before = await stats();
    const comment = randomUUID();
    const write = db
      .collection('many')
      .updateOne({ i: 0, ...slowly(5_000) }, { $inc: { n: 1 } }, { comment });
    write.catch(() => undefined);
    await underWay(clients.native.client, comment);
    const { threads } = WorkerPool.running!;
    for (const thread of threads) crash(thread, 'exit');
    await expect(write).rejects.toThrow(/gone/);
    await until(async () => restarted(await stats(), before, threads.length));
    await db.collection('many').findOne();
    const after = await stats();
    expect(sum(after, 'failed') - sum(before, 'failed')).toBe(1);
    expect(sum(after, 'done')).toBeGreaterThan(sum(before, 'done'));
    expect(sum(after, 'inFlight')).toBe(0);
  });
});
