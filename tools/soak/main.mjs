// @ts-check
// Runs a mixed load for some minutes. Fails if memory or handles keep growing after the warm-up.
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { GridFSBucket, MongoClient } from '@mongo-offload/core';
import { startMongod } from '@mongo-offload/mongod';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '1' } } });
const minutes = Number(values.minutes);
if (!(minutes > 0))
  throw new RangeError(`--minutes must be a positive number, not ${values.minutes}`);
const { gc } = globalThis;
if (gc === undefined) throw new Error('run it with npm run soak, which passes --expose-gc');

const SAMPLE_MS = 3_000;
/** The share of the samples that is warm-up. */
const WARM_UP = 0.4;
/** The allowed growth from the warm-up to the end, by the line through the samples. */
const LIMITS = { heapMB: 4, externalMB: 8, rssMB: 64, handles: 5 };
const FILE = Buffer.alloc(500_000, 'soak');

const mongod = await startMongod();
const client = new MongoClient(mongod.uri, { offload: { workers: 2 } });
const db = client.db('soak');
const items = db.collection('items');
const events = db.collection('events');
const bucket = new GridFSBucket(db);
await items.insertMany(Array.from({ length: 2_000 }, (_, n) => ({ n, text: 'x'.repeat(200) })));
await db.createCollection('events');

let running = true;
/** @type {Record<string, number>} */
const counts = {};

/** @type {Record<string, () => Promise<unknown>>} */
const load = {
  read: () => items.find({ n: { $lt: 500 } }).toArray(),
  findOne: () => items.findOne({ n: Math.floor(Math.random() * 2_000) }),
  write: () => items.updateOne({ n: 1 }, { $inc: { times: 1 } }),
  async insert() {
    const { insertedId } = await events.insertOne({ at: new Date() });
    await events.deleteOne({ _id: insertedId });
  },
  async abandonedCursors() {
    // Like the driver's, a client keeps an abandoned cursor until the client is closed.
    const other = new MongoClient(mongod.uri);
    for (let i = 0; i < 20; i++) {
      await other.db('soak').collection('items').find({}, { batchSize: 10 }).next();
      await delay(5);
    }
    await other.close();
  },
  async client() {
    const other = new MongoClient(mongod.uri);
    await other.db('soak').collection('items').findOne();
    await other.close();
    await delay(100);
  },
  async transaction() {
    await client.withSession((session) =>
      session.withTransaction(() => items.updateOne({ n: 2 }, { $inc: { times: 1 } }, { session })),
    );
  },
  async file() {
    const upload = bucket.openUploadStream('file');
    await new Promise((resolve, reject) => {
      upload.on('error', reject);
      upload.on('finish', () => resolve(undefined));
      upload.end(FILE);
    });
    await bucket.openDownloadStream(upload.id).toArray();
    await bucket.delete(upload.id);
    await delay(50);
  },
  async changeStream() {
    // The insert above runs all the time.
    const stream = events.watch();
    await stream.next();
    await stream.close();
    await delay(50);
  },
};
const lanes = Object.entries(load).map(async ([name, operation]) => {
  while (running) {
    await operation();
    counts[name] = (counts[name] ?? 0) + 1;
  }
});
// If one fails, the program fails when it awaits them.
for (const lane of lanes) lane.catch(() => (running = false));

/** @type {Record<keyof LIMITS, number>[]} */
const samples = [];
const end = performance.now() + minutes * 60_000;
while (running && performance.now() < end) {
  await delay(SAMPLE_MS);
  gc();
  const { heapUsed, external, rss } = process.memoryUsage();
  const sample = {
    heapMB: heapUsed / 2 ** 20,
    externalMB: external / 2 ** 20,
    rssMB: rss / 2 ** 20,
    handles: process.getActiveResourcesInfo().length,
  };
  samples.push(sample);
  console.log(`${samples.length * (SAMPLE_MS / 1_000)} s`, inShort(sample));
}
running = false;
await Promise.all(lanes);
await client.close();
await mongod.stop();
console.log(counts);

const settled = samples.slice(Math.floor(samples.length * WARM_UP));
const grown = Object.entries(LIMITS).map(([name, limit]) => {
  const of = settled.map((sample) => sample[/** @type {keyof LIMITS} */ (name)]);
  return { name, from: of[0], to: of[of.length - 1], growth: slope(of) * (of.length - 1), limit };
});
console.table(grown.map((row) => inShort(row)));
const over = grown.filter(({ growth, limit }) => growth > limit);
if (over.length > 0) {
  console.error(`These grew beyond their limits: ${over.map(({ name }) => name).join(', ')}`);
  process.exitCode = 1;
}

/**
 * Returns the growth from one sample to the next, by least squares.
 *
 * @param {number[]} of
 */
function slope(of) {
  const middle = (of.length - 1) / 2;
  const mean = of.reduce((sum, value) => sum + value, 0) / of.length;
  let covariance = 0;
  let variance = 0;
  for (const [i, value] of of.entries()) {
    covariance += (i - middle) * (value - mean);
    variance += (i - middle) ** 2;
  }
  return variance === 0 ? 0 : covariance / variance;
}

/** @param {Record<string, unknown>} row */
function inShort(row) {
  const short = Object.entries(row).map(([name, value]) => [
    name,
    typeof value === 'number' ? Math.round(value * 10) / 10 : value,
  ]);
  return Object.fromEntries(short);
}
