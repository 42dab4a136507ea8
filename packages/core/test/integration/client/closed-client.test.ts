import { WORKER_POOL_FILE } from '../../support/internals';
import { ownServer, type OwnServer } from '../../support/own-server';
import { program } from '../../support/program';

/**
 * What a client may be in the midst of when it is closed. Each gives the promises of what it began. Text: a program of its
 * own runs it.
 */
const MIDST: Record<string, string> = {
  nothing: `() => []`,
  reads: `(c) => [c.findOne(), c.find().toArray(), c.countDocuments(), c.distinct('n')]`,
  'slow reads': `(c) => [1, 2, 3].map(() => c.findOne({ $where: 'sleep(200) || true' }))`,
  'half-read cursors': `(c) => [1, 2].map(async () => {
      const cursor = c.find({}, { batchSize: 2 });
      await cursor.next();
      await cursor.next();
      await cursor.next();
    })`,
  loops: `(c) => [(async () => { for await (const _ of c.find({}, { batchSize: 3 })) await turn(); })()]`,
  writes: `(c) => [c.insertOne({ n: 1 }), c.updateMany({}, { $inc: { n: 1 } }), c.deleteOne({ n: -1 }), c.bulkWrite([{ insertOne: { document: {} } }])]`,
  'a large insert, and what waits behind it': `(c) => [
      c.insertMany(Array.from({ length: 20_000 }, (_, n) => ({ n, text: 'x'.repeat(100) }))),
      c.findOne(), c.insertOne({}), c.insertMany([{}, {}])]`,
  'a write that waits for the network': `(c) => [c.insertOne({ text: 'x'.repeat(12_000_000) })]`,
  transactions: `(c, client) => [
      client.transaction(async () => { await c.insertOne({}); await c.findOne(); await c.insertOne({}); }),
      client.withSession((session) => session.withTransaction(() => c.updateOne({ n: 0 }, { $inc: { n: 1 } }, { session })))]`,
  'an open transaction': `(c, client) => [(async () => {
      const session = client.startSession();
      session.startTransaction();
      await c.insertOne({ open: true }, { session });
      await c.insertOne({ open: true }, { session });
      await session.commitTransaction();
    })()]`,
  'change streams': `(c, client) => {
      const stream = c.watch();
      stream.on('change', () => {}).on('error', () => {});
      const other = client.watch();
      return [other.next(), c.watch().tryNext()];
    }`,
  uploads: `(c, client) => {
      const bucket = new driver.GridFSBucket(client.db(name), { chunkSizeBytes: 10_000 });
      return [1, 2].map(() => new Promise((resolve, reject) => {
        const upload = bucket.openUploadStream('file').on('error', reject).on('finish', resolve).on('close', resolve);
        upload.write(Buffer.alloc(200_000));
        upload.end();
      }));
    }`,
  downloads: `(c, client) => {
      const bucket = new driver.GridFSBucket(client.db(name));
      return [new Promise((resolve) => bucket.openDownloadStreamByName('stored').on('error', resolve).on('close', resolve).on('end', resolve).resume())];
    }`,
  connecting: `(c, client) => [client.connect(), client.connect()]`,
  waitUntilReady: `(c, client) => [client.waitUntilReady()]`,
  'a probe of a server that is not there': `() => {
      const client = new MongoClient('mongodb://127.0.0.1:1/', { offload });
      others.push(client);
      return [client.waitUntilReady(), client.db('a').collection('b').findOne(), client.connect()];
    }`,
  'a name that is not there': `() => {
      const client = new MongoClient('mongodb+srv://nowhere.invalid/', { offload });
      others.push(client);
      return [client.waitUntilReady(), client.db('a').collection('b').findOne(), client.connect()];
    }`,
  'calls that go on': `(c, client) => {
      const session = client.startSession();
      return [1, 2, 3].map(async (n) => {
        const cursor = c.find({}, { batchSize: 2 });
        for (let i = 0; i < 200; i++) {
          await (n === 1 ? c.findOne() : n === 2 ? cursor.next() : c.findOne({}, { session })).catch(() => {});
          if (i % 10 === 0) await turn();
        }
      });
    }`,
  'closing and connecting again': `(c, client) => [
      client.close(), client.connect(), c.findOne(), client.close(), client.connect(), c.find().toArray()]`,
  'a worker that dies': `(c) => {
      const promises = [c.findOne(), c.insertOne({}), c.find().toArray()];
      for (const thread of WorkerPool.running?.threads ?? []) void thread.terminate();
      return [...promises, c.findOne()];
    }`,
};

/** When, behind the calls, it is closed. */
const MOMENTS: Record<string, string> = {
  'at once': ``,
  'in the next turn': `await turn();`,
  'when they are under way': `for (let i = 0; i < 20; i++) await turn();`,
  'a little later': `await new Promise((resolve) => setTimeout(resolve, 20));`,
};

const PRELUDE = `
  const { WorkerPool } = require(${JSON.stringify(WORKER_POOL_FILE)});
  const assert = require('node:assert/strict');
  const { setImmediate: turn } = require('node:timers/promises');
  const name = 'closed_' + process.pid;
  const offload = { workers: 2 };
  const options = { offload, serverSelectionTimeoutMS: 2_000 };
  const others = [];
  // Of the pipes to the test there may be one more or less.
  const resources = () => process.getActiveResourcesInfo().filter((one) => !/Pipe|TTY/.test(one));
  /** Whatever it was in the midst of: once a client is closed, all has settled and nothing is left. */
  async function closed(midst, promises, close) {
    let settled = false;
    const all = Promise.allSettled(promises).then(() => (settled = true));
    const began = performance.now();
    await close();
    const ms = performance.now() - began;
    assert.equal(WorkerPool.running, undefined, midst + ': the pool runs');
    for (let i = 0; i < 200 && !settled; i++) await new Promise((resolve) => setTimeout(resolve, 5));
    assert(settled, midst + ': something never settles');
    assert.equal(WorkerPool.running, undefined, midst + ': the pool runs again');
    // The driver looks for a file as a client is made (whether it is in a container): that may still be under way.
    for (let i = 0; i < 200 && resources().length > 0; i++) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(resources(), [], midst + ': something is left');
    assert(ms < 10_000, midst + ': took ' + ms);
  }
`;

let server: OwnServer;

// Where a client is closed in a transaction, its abort may overtake an operation, as with the driver: the
// server then keeps the transaction for a while, and with it what another test may wait for.
beforeAll(async () => {
  server = await ownServer();
});
afterAll(async () => {
  await server.stop();
});

test.each(Object.entries(MIDST))(
  'closed in the midst of %s, nothing is left',
  async (midst, begin) => {
    const rounds = Object.entries(MOMENTS).map(
      ([when, wait], i) => `
        for (const connected of [false, true]) {
          const client = new MongoClient(uri, options);
          others.length = 0;
          const c = client.db(name).collection('c');
          if (connected) await c.insertMany(Array.from({ length: 20 }, (_, n) => ({ n })));
          const promises = (${begin})(c, client).map((one) => Promise.resolve(one));
          for (const one of promises) one.catch(() => {});
          ${wait}
          // Once, and twice.
          const times = connected === ${i % 2 === 0} ? 1 : 2;
          await closed(${JSON.stringify(`${midst}, ${when}`)} + ', ' + connected + times, promises, () =>
            Promise.all([client, ...others].flatMap((one) => Array.from({ length: times }, () => one.close()))));
        }`,
    );
    const out = await program(`${PRELUDE}${rounds.join('')}
      console.log('done');`);
    expect(out.trim()).toBe('done');
  },
  60_000,
);
