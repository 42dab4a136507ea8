import { GridFSBucket, MongoClient } from '@mongo-offload/core';
import * as native from 'mongodb';

import { uri } from '../../support/clients';
import { program } from '../../support/program';
import { until } from '../../support/until';

const MB = 1024 * 1024;
const DOCUMENTS = 256;
const BATCH = 4;
const READ_AHEAD = 2;

const dbName = `backpressure_${process.pid}`;
let admin: native.MongoClient;
let client: MongoClient;
/** Documents that the server has given since the test began. */
let given: number;

beforeAll(async () => {
  admin = new native.MongoClient(uri());
  const bytes = Buffer.alloc(MB / 4, 'x');
  const documents = Array.from({ length: DOCUMENTS }, (_, n) => ({ n, bytes }));
  await admin.db(dbName).collection('large').insertMany(documents);
});
beforeEach(() => {
  given = 0;
  client = new MongoClient(uri(), {
    monitorCommands: true,
    // One worker and one connection: what a cursor would fetch goes before what is asked for later.
    maxPoolSize: 1,
    offload: { workers: 1, readAhead: READ_AHEAD, chunkBytes: 64 * 1024 },
  });
  client.on('commandSucceeded', ({ reply }: { reply: native.Document }) => {
    const { cursor } = reply as { cursor?: { firstBatch?: unknown[]; nextBatch?: unknown[] } };
    given += (cursor?.firstBatch ?? cursor?.nextBatch ?? []).length;
  });
});
afterEach(async () => await client.close());
afterAll(async () => {
  await admin.db(dbName).dropDatabase();
  await admin.close();
});

/** Waits until the worker asks the server for nothing more by itself; what it was given by then. */
async function atRest(): Promise<number> {
  let last = -1;
  await until(async () => {
    const before = last;
    last = given;
    for (let i = 0; i < 20; i++) await client.db('admin').command({ ping: 1 });
    return before === given;
  });
  return given;
}

/** What a cursor may be ahead of its reader: the chunks on the way, the batch in hand, and one more. */
const MOST = READ_AHEAD + 2 * BATCH + BATCH;

describe('a consumer that stops reading', () => {
  test('of a cursor, has as much read ahead as is allowed, and no more until it reads on', async () => {
    const cursor = client.db(dbName).collection('large').find({}, { batchSize: BATCH });
    await cursor.next();
    const atFirst = await atRest();
    expect(atFirst).toBeGreaterThanOrEqual(BATCH);
    expect(atFirst).toBeLessThanOrEqual(1 + MOST);
    for (let i = 0; i < 40; i++) await cursor.next();
    const later = await atRest();
    expect(later).toBeGreaterThan(40);
    expect(later).toBeLessThanOrEqual(41 + MOST);
    expect(await cursor.toArray()).toHaveLength(DOCUMENTS - 41);
  });

  test('of a cursor’s stream', async () => {
    const cursor = client.db(dbName).collection('large').find({}, { batchSize: BATCH });
    const stream = cursor.stream();
    stream.read(0);
    await new Promise((resolve) => stream.once('readable', resolve));
    const { readableHighWaterMark: buffered } = stream;
    expect(await atRest()).toBeLessThanOrEqual(buffered + MOST);
    stream.destroy();
  });

  test('of a GridFS download', async () => {
    const bucket = new GridFSBucket(client.db(dbName), { chunkSizeBytes: MB / 4 });
    const upload = bucket.openUploadStream('large');
    for (let i = 0; i < 64; i++) {
      if (!upload.write(Buffer.alloc(MB / 2, i))) {
        await new Promise((resolve) => upload.once('drain', resolve));
      }
    }
    await new Promise<void>((resolve) => upload.end(resolve));
    given = 0;
    const unread = bucket.openDownloadStream(upload.id);
    expect(await atRest()).toBe(0);
    const [first] = (await unread[Symbol.asyncIterator]().next()).value as Buffer;
    expect(first).toBe(0);
    // The first batch of the chunks is the server's to choose: 101 documents or 16 MB.
    const bytes = (await atRest()) * (MB / 4);
    expect(bytes).toBeLessThan(64 * (MB / 2));
    await unread.abort();
  });
});

describe('a result that is larger than the heap', () => {
  const reading = {
    'for await': 'for await (const row of cursor) count(row);',
    'batches()': 'for await (const batch of cursor.batches()) batch.forEach(count);',
    'stream()': 'for await (const row of cursor.stream()) count(row);',
    'each()': 'await cursor.each((_, row) => { if (row !== null) count(row); });',
    'next()': 'for (let row; (row = await cursor.next()) !== null; ) count(row);',
  };

  beforeAll(async () => {
    const words = Array.from({ length: 200 }, (_, n) => `word ${n}`);
    const rows = Array.from({ length: 5_000 }, (_, n) => ({ n, words, text: 'y'.repeat(4_000) }));
    for (let i = 0; i < 5; i++) {
      await admin
        .db(dbName)
        .collection('rows')
        .insertMany(rows.map((row) => ({ ...row })));
    }
  });

  test.each(Object.entries(reading))('passes through it by %s', async (_, loop) => {
    const out = await program(
      `const client = new MongoClient(uri);
       const cursor = client.db('${dbName}').collection('rows').find();
       let rows = 0, characters = 0;
       const count = (row) => { rows += 1; characters += row.text.length + row.words.length; };
       ${loop}
       await client.close();
       console.log(rows, characters);`,
      { flags: ['--max-old-space-size=48'] },
    );
    expect(out.trim()).toBe(`25000 ${25_000 * 4_200}`);
  });

  test('does not fit into it as a whole: toArray() shows that the heap is that small', async () => {
    await expect(
      program(
        `const client = new MongoClient(uri);
         console.log((await client.db('${dbName}').collection('rows').find().toArray()).length);
         await client.close();`,
        { flags: ['--max-old-space-size=48'] },
      ),
    ).rejects.toThrow(/heap out of memory/);
  });
});
