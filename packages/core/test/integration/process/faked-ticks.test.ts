import { MongoClient, type Collection } from '@mongo-offload/core';
import type * as Core from '@mongo-offload/core';

import { uri } from '../../support/clients';
import { crash } from '../../support/crash';
import { WorkerPool } from '../../support/internals';
import { program } from '../../support/program';

type Row = { _id: number };

const dbName = `faked_ticks_${process.pid}`;
const COUNT = 2_000;
const real = {
  nextTick: process.nextTick,
  queueMicrotask: globalThis.queueMicrotask,
  setImmediate: globalThis.setImmediate,
  setTimeout: globalThis.setTimeout,
  now: performance.now,
  dateNow: Date.now,
};
let client: MongoClient;
let rows: Collection<Row>;
let next = 10_000;

beforeAll(async () => {
  client = new MongoClient(uri(), { offload: { sliceMS: 1 } });
  rows = client.db(dbName).collection('rows');
  await rows.insertOne({ _id: 0 });
});
afterEach(() => jest.useRealTimers());
afterAll(async () => {
  await client.db(dbName).dropDatabase();
  await client.close();
});

/** Replaces the functions that tests fake with ones that do nothing, while something is called. */
function stubbed<T>(call: () => T): T {
  const nothing = (): never => undefined as never;
  process.nextTick = nothing;
  globalThis.queueMicrotask = nothing;
  globalThis.setImmediate = nothing as never;
  globalThis.setTimeout = nothing as never;
  performance.now = () => 0;
  Date.now = () => 0;
  try {
    return call();
  } finally {
    process.nextTick = real.nextTick;
    globalThis.queueMicrotask = real.queueMicrotask;
    globalThis.setImmediate = real.setImmediate;
    globalThis.setTimeout = real.setTimeout;
    performance.now = real.now;
    Date.now = real.dateNow;
  }
}

const CALLS: Record<string, () => Promise<unknown>> = {
  findOne: () => rows.findOne({ _id: 0 }),
  toArray: () => rows.find({ _id: 0 }).toArray(),
  'a write': () => rows.updateOne({ _id: 0 }, { $set: { a: 1 } }),
  command: () => client.db(dbName).command({ ping: 1 }),
  transaction: () => client.transaction(async () => await rows.findOne({ _id: 0 })),
  insertMany: () => rows.insertMany(Array.from({ length: 300 }, () => ({ _id: next++ }))),
};

test.each(Object.keys(CALLS))(
  '%s that is called while ticks are stubbed settles, and so do later ones',
  async (name) => {
    const stubbedCall = stubbed(CALLS[name]);
    await rows.findOne();
    await stubbedCall;
    await CALLS[name]();
  },
);

test('calls whose worker dies while ticks are stubbed run again', async () => {
  await rows.findOne();
  const read = rows.findOne({ $where: 'sleep(500) || true' });
  for (const thread of WorkerPool.running!.threads) crash(thread, 'exit');
  const nothing = (): never => undefined as never;
  process.nextTick = nothing;
  try {
    expect(await read).not.toBeNull();
  } finally {
    process.nextTick = real.nextTick;
  }
  expect(await rows.findOne({ _id: 0 })).not.toBeNull();
});

/**
 * What applications do, except for GridFS: the driver’s upload stops without microtasks. None of Node's timers, ticks
 * or clocks advances meanwhile.
 */
async function everything(core: typeof Core): Promise<void> {
  const own = new core.MongoClient(uri(), { offload: { sliceMS: 1 } });
  const db = own.db(dbName);
  const list = db.collection<{ _id: number; text: string }>(`list_${Math.random()}`);
  const documents = Array.from({ length: COUNT }, (_, _id) => ({ _id, text: 'x'.repeat(500) }));
  expect((await list.insertMany(documents)).insertedCount).toBe(COUNT);
  expect(await list.find({}, { sort: { _id: 1 } }).toArray()).toEqual(documents);
  let read = 0;
  for await (const { _id } of list.find({}, { limit: 500, deadlineMS: 60_000 }))
    read += _id < 0 ? 0 : 1;
  expect(read).toBe(500);
  await own.transaction(async () => {
    await list.deleteOne({ _id: 1 });
    await list.findOne({ _id: 2 });
  });
  expect(await list.countDocuments()).toBe(COUNT - 1);
  await list.bulkWrite([{ updateOne: { filter: { _id: 2 }, update: { $set: { text: 'y' } } } }]);
  expect((await list.findOne({ _id: 2 }))?.text).toBe('y');
  await own.close();
}

test('everything works with Jest’s default fake timers', async () => {
  jest.useFakeTimers();
  await everything({ MongoClient } as typeof Core);
  jest.useRealTimers();
  await rows.findOne();
});

test('everything works if they are installed before the package is loaded, and after they are removed', async () => {
  jest.useFakeTimers();
  let core!: typeof Core;
  jest.isolateModules(() => (core = jest.requireActual<typeof Core>('@mongo-offload/core')));
  await everything(core);
  jest.useRealTimers();
  await everything(core);
});

test('a stub that is installed when the package is loaded does no harm after its removal', async () => {
  // The package is loaded again, with the stub in place.
  const out = await program(`
    for (const name of Object.keys(require.cache)) if (name.includes('/dist/')) delete require.cache[name];
    const { nextTick } = process;
    process.nextTick = () => {};
    const core = require(${JSON.stringify(require.resolve('@mongo-offload/core'))});
    const client = new core.MongoClient(uri);
    const called = client.db('admin').command({ ping: 1 });
    process.nextTick = nextTick;
    await client.db('admin').command({ ping: 1 });
    console.log((await called).ok);
    await client.close();`);
  expect(out.trim()).toBe('1');
});
