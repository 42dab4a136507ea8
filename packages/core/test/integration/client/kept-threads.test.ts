import type { Worker } from 'node:worker_threads';

import { MongoClient, type OffloadOptions } from '@mongo-offload/core';
import * as native from 'mongodb';

import { uri } from '../../support/clients';
import { WorkerPool } from '../../support/internals';
import { program } from '../../support/program';
import { until } from '../../support/until';

const LONG_MS = 3_600_000;

/** Uses a client as an application that makes one for each request does. Returns the threads that served it. */
async function use(offload: OffloadOptions, force = false, appName = 'kept'): Promise<Worker[]> {
  const client = new MongoClient(uri(), { appName, offload: { workers: 1, ...offload } });
  await client.db('admin').command({ ping: 1 });
  const { threads } = WorkerPool.running!;
  await client.close(force);
  expect(WorkerPool.running).toBeUndefined();
  return threads;
}

/** Node gives a thread that has ended this number. */
const GONE = -1;
const ids = (threads: Worker[]): number[] => threads.map(({ threadId }) => threadId);

afterEach(async () => await use({ keepThreadsMS: 0 }));

test('the next client finds the threads started', async () => {
  const first = ids(await use({ keepThreadsMS: LONG_MS }));
  expect(first).not.toContain(GONE);
  for (let i = 0; i < 3; i++)
    expect(ids(await use({ keepThreadsMS: LONG_MS }))).toStrictEqual(first);
});

test('kept threads end after keepThreadsMS', async () => {
  const threads = await use({ keepThreadsMS: 100 });
  await until(() => ids(threads).every((id) => id === GONE));
});

test.each<[string, OffloadOptions, boolean]>([
  ['keepThreadsMS is 0', { keepThreadsMS: 0 }, false],
  ['it is closed by force', { keepThreadsMS: LONG_MS }, true],
])('threads end with the last client if %s', async (_, offload, force) => {
  expect(ids(await use(offload, force))).toStrictEqual([GONE]);
});

test('a client that asks for other threads gets them', async () => {
  const [kept] = await use({ keepThreadsMS: LONG_MS });
  const [other] = await use({ keepThreadsMS: LONG_MS, chunkBytes: 8_192 });
  expect(other).not.toBe(kept);
  await until(() => kept.threadId === GONE);
});

test('kept threads hold no connection of a closed client', async () => {
  const admin = new native.MongoClient(uri());
  const appName = `kept-${process.pid}`;
  await use({ keepThreadsMS: LONG_MS }, false, appName);
  const pipeline = [
    { $currentOp: { allUsers: true, idleConnections: true } },
    { $match: { appName } },
  ];
  await until(async () => (await admin.db('admin').aggregate(pipeline).toArray()).length === 0);
  await admin.close();
});

test('kept threads do not keep the process alive', async () => {
  const out = await program(`
    const client = new MongoClient(uri, { offload: { keepThreadsMS: ${LONG_MS} } });
    await client.db('admin').command({ ping: 1 });
    await client.close();
    console.log('closed');`);
  expect(out.trim()).toBe('closed');
});
