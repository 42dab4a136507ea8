import path from 'node:path';
import { BroadcastChannel, MessageChannel } from 'node:worker_threads';

import { MongoClient, type OffloadMongoClientOptions } from '@mongo-offload/core';
import * as native from 'mongodb';

import { uri } from '../support/clients';
import { WorkerPool } from '../support/internals';
import { until } from '../support/until';

/** A worker is blocked for a minute, unless it is freed. */
const LIMIT_MS = 20_000;

const dbName = `close_blocked_${process.pid}`;
let channel: BroadcastChannel;
let isBlocked = false;
let clients: MongoClient[] = [];

beforeEach(() => {
  isBlocked = false;
  channel = new BroadcastChannel('blocked worker');
  channel.onmessage = () => (isBlocked = true);
});
afterEach(async () => {
  free();
  await Promise.all(clients.map((client) => client.close(true)));
  clients = [];
  channel.close();
});

function open(offload: OffloadMongoClientOptions['offload'] = {}): MongoClient {
  const client = new MongoClient(uri(), { offload: { workers: 1, closeGraceMS: 200, ...offload } });
  clients.push(client);
  return client;
}

/** Blocks the loop of the one worker. */
async function block(): Promise<void> {
  const [thread] = WorkerPool.running!.threads;
  const filename = path.join(__dirname, '../support/blocked-worker.cjs');
  const { port1: port } = new MessageChannel();
  thread.postMessage({ filename, name: 'default', niceIncrement: 0, port }, [port]);
  await until(() => isBlocked);
}

function free(): void {
  channel.postMessage('go on');
}

async function timed(closing: Promise<void>): Promise<number> {
  const begun = performance.now();
  await closing;
  return performance.now() - begun;
}

test.each([false, true])('close(%s) ends a worker whose loop is blocked', async (force) => {
  const client = open();
  const rows = client.db(dbName).collection('rows');
  await rows.insertMany(Array.from({ length: 300 }, (_, n) => ({ n })));
  const cursor = rows.find({}, { batchSize: 10 });
  await cursor.next();
  const session = client.startSession();
  await rows.findOne({}, { session });
  const { threads } = WorkerPool.running!;
  const exited = new Promise((resolve) => threads[0].once('exit', resolve));
  await block();
  const underWay = [
    rows.findOne(),
    rows.insertOne({}),
    cursor.toArray(),
    rows.find().toArray(),
  ].map((operation) => operation.catch((error: unknown) => error));
  expect(await timed(client.close(force))).toBeLessThan(LIMIT_MS);
  for (const outcome of await Promise.all(underWay)) {
    expect(outcome).toBeInstanceOf(native.MongoError);
  }
  await exited;
  expect(WorkerPool.running).toBeUndefined();
  // The client can be used again.
  await client.connect();
  expect(await rows.countDocuments()).toBeGreaterThanOrEqual(300);
  await client.db(dbName).dropDatabase();
});

test('a client that shares the blocked worker keeps it, and what is under way there', async () => {
  const client = open();
  const other = open();
  const rows = other.db(`${dbName}_shared`).collection('rows');
  await client.db(dbName).command({ ping: 1 });
  await rows.insertOne({});
  await block();
  const lost = client
    .db(dbName)
    .command({ ping: 1 })
    .catch((error: unknown) => error);
  const kept = rows.insertOne({});
  expect(await timed(client.close(true))).toBeLessThan(LIMIT_MS);
  expect(await lost).toBeInstanceOf(native.MongoClientClosedError);
  const [{ threadId }] = WorkerPool.running!.threads;
  free();
  expect((await kept).acknowledged).toBe(true);
  expect(WorkerPool.running!.threads.map((thread) => thread.threadId)).toStrictEqual([threadId]);
  // The worker closes the client's connections as soon as its loop turns.
  await until(async () => (await other.offload.stats({})).workers[0].inFlight === 0);
  expect(await rows.countDocuments()).toBe(2);
  await other.db(`${dbName}_shared`).dropDatabase();
});
