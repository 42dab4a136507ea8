import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { uri } from '../../support/clients';

// NODE_OPTIONS loads its files into every thread, our workers included.

const CORE = require.resolve('@mongo-offload/core');
const REGISTER = require.resolve('@mongo-offload/core/register');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'preload-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return file;
}

/** Notes that the preload runs in another thread; ends the process if the threads do not stop. */
const NOTE = `
  const { appendFileSync, readFileSync } = process.getBuiltinModule('node:fs');
  appendFileSync(process.env.THREADS, '.');
  if (readFileSync(process.env.THREADS, 'utf8').length > 6) process.kill(process.pid, 'SIGKILL');`;

/**
 * Runs a program with a preload that may print. Returns the output and the number of threads in which the preload ran.
 */
function run(
  options: string,
  program: string,
  env: Record<string, string> = {},
): { printed: string; threads: number } {
  const threads = write('threads', '');
  const { stdout, stderr, status, signal } = spawnSync(process.execPath, ['-e', program], {
    encoding: 'utf8',
    timeout: 25_000,
    env: {
      ...process.env,
      NODE_OPTIONS: `--no-warnings ${options}`,
      THREADS: threads,
      TEST_URI: uri(),
      MONGO_OFFLOAD_WORKERS: '2',
      ...env,
    },
  });
  expect({ status, signal, stderr }).toStrictEqual({ status: 0, signal: null, stderr: '' });
  return { printed: stdout, threads: readFileSync(threads, 'utf8').length };
}

const program = `
  const { MongoClient } = require(${JSON.stringify(CORE)});
  const client = new MongoClient(process.env.TEST_URI);
  client.db('preload').collection('c').findOne({})
    .then(() => client.close())
    .then(() => console.log('done'));`;

test('a preload whose client reads runs in the first thread and in one worker', () => {
  const preload = write(
    'preload.cjs',
    `${NOTE}
     const { MongoClient } = require(${JSON.stringify(CORE)});
     const client = new MongoClient(process.env.TEST_URI);
     client.db('preload').collection('c').findOne({}).finally(() => client.close());`,
  );
  expect(run(`--require ${preload}`, 'setTimeout(() => {}, 1_500)').threads).toBe(2);
});

test('a preload that awaits a client, and leaves it open in workers, stops no worker from starting', () => {
  const preload = write(
    'preload.mjs',
    `${NOTE}
     import { isMainThread } from 'node:worker_threads';
     import core from ${JSON.stringify(CORE)};
     const client = new core.MongoClient(process.env.TEST_URI);
     await client.db('preload').collection('c').findOne({});
     if (isMainThread) await client.close();`,
  );
  const { printed, threads } = run(`--import ${preload}`, program);
  expect(printed).toBe('done\n');
  expect(threads).toBeGreaterThanOrEqual(2);
});

test('in our workers, a preload can use the whole API, which works in that thread', () => {
  const preload = write(
    'preload.cjs',
    `${NOTE}
     const { isMainThread } = require('node:worker_threads');
     const { MongoClient, GridFSBucket } = require(${JSON.stringify(CORE)});
     if (!isMainThread) (async () => {
       const client = new MongoClient(process.env.TEST_URI, { offload: { strict: true, workers: 2 } });
       const db = client.db('preload_' + process.pid);
       const things = db.collection('things');
       await client.connect();
       await things.insertMany([{ _id: 1 }, { _id: 2 }, { _id: 3 }]);
       const read = [];
       for await (const { _id } of things.find().batchSize(1)) read.push(_id);
       await client.transaction(() => things.insertOne({ _id: 4 }));
       await client.withSession((session) =>
         session.withTransaction(() => things.updateOne({ _id: 1 }, { $set: { a: 1 } }, { session })));
       await things.initializeOrderedBulkOp().insert({ _id: 5 }).execute();
       const code = await things.insertOne({ _id: 1 }).catch((error) => error.code);
       const bucket = new GridFSBucket(db);
       await new Promise((resolve, reject) =>
         bucket.openUploadStream('file').on('finish', resolve).on('error', reject).end('bytes'));
       const late = await things.findOne({ $where: 'sleep(2000) || true' }, { deadlineMS: 20 })
         .catch((error) => error.name);
       const { workers } = await client.offload.stats();
       await db.dropDatabase();
       await client.close();
       return { read, code, late, workers };
     })().catch(({ stack }) => ({ stack })).then((seen) => appendFileSync(process.env.SEEN, JSON.stringify(seen)));`,
  );
  const seen = write('seen', '');
  run(
    `--require ${preload}`,
    `const { MongoClient } = require(${JSON.stringify(CORE)});
     const client = new MongoClient(process.env.TEST_URI);
     client.db('admin').command({ ping: 1 });
     const timer = setInterval(() => {
       if (require('node:fs').readFileSync(process.env.SEEN, 'utf8') === '') return;
       clearInterval(timer);
       client.close();
     }, 20);`,
    { MONGO_OFFLOAD_WORKERS: '1', SEEN: seen },
  );
  expect(JSON.parse(readFileSync(seen, 'utf8'))).toStrictEqual({
    read: [1, 2, 3],
    code: 11000,
    late: 'DeadlineExceededError',
    workers: [],
  });
});

test('with register, a preload that imports mongodb starts no chain of threads', () => {
  const preload = write(
    'preload.cjs',
    `${NOTE}
     const { MongoClient } = require(${JSON.stringify(require.resolve('mongodb'))});
     const client = new MongoClient(process.env.TEST_URI);
     client.db('preload').collection('c').findOne({}).finally(() => client.close());`,
  );
  const { printed } = run(`--require ${REGISTER} --require ${preload}`, program);
  expect(printed).toBe('done\n');
});

test('a client in the application’s own worker thread uses our workers', () => {
  const preload = write('preload.cjs', NOTE);
  const thread = write(
    'thread.cjs',
    `const { MongoClient } = require(${JSON.stringify(CORE)});
     const client = new MongoClient(process.env.TEST_URI);
     (async () => {
       await client.db('preload').collection('c').findOne({});
       const { workers } = await client.offload.stats();
       await client.close();
       console.log(workers.filter(({ state }) => state === 'running').length);
     })();`,
  );
  const { printed, threads } = run(
    `--require ${preload}`,
    `new (require('node:worker_threads').Worker)(${JSON.stringify(thread)})`,
  );
  expect([printed, threads]).toStrictEqual(['1\n', 3]);
});
