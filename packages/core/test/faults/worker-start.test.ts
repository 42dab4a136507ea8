import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { program } from '../support/program';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'worker-start-'));
});
afterEach(async () => await rm(folder, { recursive: true }));

/** Runs a program whose workers fail as they start for as long as the file `broken` is there. */
async function brokenProgram(
  how: 'throw' | 'exit',
  body: string,
): Promise<Record<string, unknown>> {
  const broken = path.join(folder, 'broken');
  const starts = path.join(folder, 'starts');
  await writeFile(broken, '');
  const hook = path.join(__dirname, '../support/crash/at-start.cjs');
  const out = await program(`const broken = ${JSON.stringify(broken)}; ${body}`, {
    env: { NODE_OPTIONS: `--require ${hook}`, BROKEN: broken, STARTS: starts, HOW: how },
  });
  const result = JSON.parse(out) as Record<string, unknown>;
  return { ...result, starts: (await readFile(starts, 'utf8')).length };
}

test.each([
  ['throw', 'broken on purpose'],
  ['exit', 'the thread exited with code 7'],
] as const)(
  'workers that fail as they start (%s) are told of with the cause; when it is mended, they start',
  async (how, cause) => {
    const { read, write, after, starts } = await brokenProgram(
      how,
      `const client = new MongoClient(uri, { offload: { workers: 2 } });
       const failed = async (operation) => {
         const error = await operation.catch((thrown) => thrown);
         const { name, message, mayHaveBeenApplied, retryable, cause } = error;
         return { name, message, mayHaveBeenApplied, retryable, cause: cause?.message };
       };
       const collection = client.db('worker_start').collection('c');
       const [read, write] = await Promise.all([
         failed(collection.findOne()),
         failed(collection.insertOne({})),
       ]);
       require('node:fs').rmSync(broken);
       const after = await collection.findOne({ _id: 'none' });
       await client.close();
       console.log(JSON.stringify({ read, write, after }));`,
    );
    const told = { name: 'WorkerLostError', mayHaveBeenApplied: false, retryable: true, cause };
    expect(read).toMatchObject(told);
    expect(write).toMatchObject(told);
    expect((read as Error).message).toMatch(
      /^The worker thread for collection.findOne did not start \(.*\)\. Nothing was changed\./,
    );
    expect(after).toBeNull();
    expect(starts).toBeLessThan(20);
  },
);

test('a program that tries on and on does not start threads on and on', async () => {
  const { tries, starts, connect } = await brokenProgram(
    'throw',
    `const client = new MongoClient(uri, { offload: { workers: 1 } });
     const collection = client.db('worker_start').collection('c');
     let tries = 0;
     const end = performance.now() + 2_000;
     while (performance.now() < end) {
       await collection.findOne().catch(() => (tries += 1));
     }
     const connect = await client.connect().catch(({ name }) => name);
     await client.close();
     console.log(JSON.stringify({ tries, connect }));`,
  );
  expect(tries).toBeGreaterThan(0);
  // Twice at once, then after 50, 100, 200, … ms.
  expect(starts).toBeLessThan(16);
  expect(connect).toBe('WorkerLostError');
});

test('a worker that an operation takes beyond its memory dies alone', async () => {
  const out = await program(
    `const client = new MongoClient(uri, {
       offload: { workers: 2, resourceLimits: { maxOldGenerationSizeMb: 24 } },
     });
     const db = client.db('worker_memory_' + process.pid);
     const slow = { $expr: { $function: { body: 'function () { sleep(1500); return true; }', args: [], lang: 'js' } } };
     await db.collection('quiet').insertOne({});
     // Both workers have started: until then, calls prefer the first.
     const isRunning = ({ workers }) => workers.every(({ state }) => state === 'running');
     while (!isRunning(await client.offload.stats())) await db.collection('quiet').findOne();
     const quiet = db.collection('quiet').updateOne(slow, { $set: { done: true } });
     // Five times of what fits. Inserts would not do: their bytes are never made into objects there.
     const operations = Array.from({ length: 100_000 }, (_, n) => ({
       updateOne: { filter: { n, list: [n, { n }, [n]] }, update: { $set: { n } } },
     }));
     const error = await db.collection('large').bulkWrite(operations).catch((thrown) => thrown);
     const { modifiedCount } = await quiet;
     await db.collection('large').findOne();
     await db.dropDatabase();
     await client.close();
     const { name, mayHaveBeenApplied, cause } = error;
     console.log(JSON.stringify({ name, mayHaveBeenApplied, cause: cause?.code, modifiedCount }));`,
  );
  expect(JSON.parse(out)).toStrictEqual({
    name: 'WorkerLostError',
    mayHaveBeenApplied: true,
    cause: 'ERR_WORKER_OUT_OF_MEMORY',
    modifiedCount: 1,
  });
});
