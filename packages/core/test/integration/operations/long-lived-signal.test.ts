import { getEventListeners } from 'node:events';

import {
  GridFSBucket,
  type Collection,
  type FindCursor,
  type MongoClient,
} from '@mongo-offload/core';

import { openClients, type Clients } from '../../support/clients';

let clients: Clients;
let client: MongoClient;
let rows: Collection<{ _id: number }>;
/** A signal that lives as long as the application, such as the one for its shutdown. */
const { signal } = new AbortController();
const limits = { signal, deadlineMS: 60_000 };

beforeAll(async () => {
  clients = openClients();
  ({ client } = clients.ours);
  rows = clients.ours.db.collection('rows');
  await rows.insertMany(Array.from({ length: 300 }, (_, _id) => ({ _id })));
});
afterAll(async () => await clients.close());

/** Counts what a signal keeps: listeners, and signals that Node derived from it (`AbortSignal.any`). */
function hanging(): number {
  let count = getEventListeners(signal, 'abort').length;
  const kept = signal as unknown as Record<symbol, unknown>;
  for (const key of Object.getOwnPropertySymbols(signal)) {
    if (!/depend/i.test(String(key))) continue;
    const { size } = kept[key] as { size?: number };
    count += size ?? 0;
  }
  return count;
}

test('this test counts signals derived from a signal, if this Node keeps them', () => {
  const before = hanging();
  const dependent = AbortSignal.any([signal, new AbortController().signal]);
  // Newer versions have a weak set; listeners are counted on all.
  expect(hanging()).toBeGreaterThanOrEqual(before);
  signal.addEventListener('abort', hanging);
  expect(hanging()).toBeGreaterThan(before);
  signal.removeEventListener('abort', hanging);
  expect(dependent.aborted).toBe(false);
});

/** As in the driver, a cursor listens to its signal until it is closed. */
async function beside(work: (cursor: FindCursor) => Promise<unknown>): Promise<void> {
  const cursor = rows.find({}, limits);
  await work(cursor);
  await cursor.close();
}

const OPERATIONS: Record<string, () => Promise<unknown>> = {
  findOne: () => rows.findOne({ _id: 1 }, limits),
  'findOne without a deadline': () => rows.findOne({ _id: 1 }, { signal }),
  'a write': () => rows.updateOne({ _id: 1 }, { $set: { a: 1 } }, limits),
  'a write that fails': () => rows.insertOne({ _id: 1 }, limits).catch((error: unknown) => error),
  insertMany: () => rows.insertMany([{ _id: 1 }], limits).catch((error: unknown) => error),
  bulkWrite: () => rows.bulkWrite([{ deleteOne: { filter: { _id: -1 } } }], limits),
  distinct: () => rows.distinct('_id', {}, limits),
  toArray: () => rows.find({}, { ...limits, batchSize: 50 }).toArray(),
  stream: () =>
    rows
      .find({}, { ...limits, batchSize: 50 })
      .stream()
      .toArray(),
  'a loop that is left': async () => {
    for await (const _ of rows.find({}, { ...limits, batchSize: 50 })) break;
  },
  'a cursor that is closed': async () => {
    const cursor = rows.find({}, { ...limits, batchSize: 50 });
    await cursor.next();
    await cursor.close();
  },
  explain: () => beside((cursor) => cursor.explain('queryPlanner')),
  count: () => beside((cursor) => cursor.count()),
  'count with limits of its own': () => beside((cursor) => cursor.count(limits)),
  aggregate: () => rows.aggregate([{ $match: {} }], limits).toArray(),
  'an ambient transaction': () =>
    client.transaction(async () => {
      await rows.findOne({ _id: 1 }, limits);
      return await rows.find({}, limits).toArray();
    }, limits),
  withTransaction: () =>
    client.withSession((session) =>
      session.withTransaction(
        async () => await rows.findOne({ _id: 1 }, { ...limits, session }),
        limits as object,
      ),
    ),
  waitUntilReady: () => client.waitUntilReady({ signal }),
  connect: () => client.connect(limits),
  GridFS: async () => {
    const bucket = new GridFSBucket(clients.ours.db);
    const upload = bucket.openUploadStream('file', limits);
    upload.end(Buffer.from('bytes'));
    await new Promise((resolve, reject) => upload.on('close', resolve).on('error', reject));
    await bucket.openDownloadStream(upload.id, limits).toArray();
    await bucket.find({}, limits).toArray();
  },
};

test.each(Object.keys(OPERATIONS))('nothing stays on a signal that outlives %s', async (name) => {
  const before = hanging();
  for (let i = 0; i < 3; i++) await OPERATIONS[name]();
  expect(hanging()).toBe(before);
});

test('an abort of either signal ends the operation with its reason', async () => {
  for (const deadlineMS of [undefined, 60_000]) {
    const own = new AbortController();
    const pending = rows.findOne(
      { $where: 'sleep(20000) || true' },
      { signal: own.signal, deadlineMS },
    );
    const reason = new Error('stop');
    setTimeout(() => own.abort(reason), 50);
    await expect(pending).rejects.toBe(reason);
    expect(getEventListeners(own.signal, 'abort')).toHaveLength(0);
  }
});
