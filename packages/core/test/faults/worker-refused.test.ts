import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { WORKER_POOL_FILE } from '../support/internals';
import { program } from '../support/program';

// Threads that Node, the system or the application prevents from starting.

interface Failed {
  name: string;
  message: string;
  labels: string[];
  cause: string;
  ms: number;
}

/** Calls an operation and describes its error. */
const FAILED = `
  const failed = async (operation) => {
    const start = performance.now();
    const error = await operation().then(() => ({ name: 'none' }), (thrown) => thrown);
    const { name, message, errorLabels, cause } = error;
    const ms = performance.now() - start;
    return { name, message, labels: [...(errorLabels ?? [])], cause: cause?.code ?? cause?.message, ms };
  };
  const operations = (client) => {
    const things = client.db('refused').collection('things');
    return {
      findOne: () => things.findOne(),
      insertOne: () => things.insertOne({}),
      toArray: () => things.find().toArray(),
      watch: () => things.watch().next(),
      connect: () => client.connect(),
      withTransaction: () => client.withSession((session) =>
        session.withTransaction(() => things.insertOne({}, { session }))),
      transaction: () => client.transaction(() => things.insertOne({})),
    };
  };`;

/** Calls several operations in turn in a program in which no thread can start. */
async function allFailed(
  before: string,
  options: Parameters<typeof program>[1],
): Promise<Record<string, Failed>> {
  const out = await program(
    `${FAILED} ${before}
     const client = new MongoClient(uri, { offload: { workers: 1 } });
     const seen = {};
     for (const [name, operation] of Object.entries(operations(client))) seen[name] = await failed(operation);
     await client.close();
     console.log(JSON.stringify(seen));`,
    options,
  );
  return JSON.parse(out) as Record<string, Failed>;
}

const MAJOR = Number(process.versions.node.split('.', 1)[0]);
const PERMISSION = [
  '--no-warnings',
  MAJOR < 22 ? '--experimental-permission' : '--permission',
  '--allow-fs-read=*',
  ...(MAJOR < 25 ? [] : ['--allow-net']),
];

test('if Node may not start threads, each operation names the missing permission', async () => {
  const seen = await allFailed('', { flags: PERMISSION });
  expect(Object.keys(seen)).toHaveLength(7);
  for (const error of Object.values(seen)) {
    expect(error).toMatchObject({
      name: 'WorkerLostError',
      labels: [],
      cause: 'ERR_ACCESS_DENIED',
      message: expect.stringMatching(/did not start .*start Node with --allow-worker/),
    });
    expect(error.ms).toBeLessThan(2_000);
  }
});

test('with the permission, everything works', async () => {
  const out = await program(
    `const client = new MongoClient(uri);
     const { ok } = await client.db('admin').command({ ping: 1 });
     await client.close();
     console.log(ok);`,
    { flags: [...PERMISSION, '--allow-worker'] },
  );
  expect(out).toBe('1\n');
});

/** Makes the system refuse threads, `times` times. */
const refusing = (times: string): string => `
  const threads = require('node:worker_threads');
  const { Worker } = threads;
  let refused = 0;
  threads.Worker = class extends Worker {
    constructor(...args) {
      if (refused < ${times}) {
        refused += 1;
        throw Object.assign(new Error('Worker initialization failure: EAGAIN'), { code: 'ERR_WORKER_INIT_FAILED' });
      }
      super(...args);
    }
  };`;

test('if the system refuses threads, each operation soon rejects with that cause', async () => {
  const seen = await allFailed(refusing('Infinity'), {});
  for (const error of Object.values(seen)) {
    expect(error).toMatchObject({
      name: 'WorkerLostError',
      cause: 'ERR_WORKER_INIT_FAILED',
      message: expect.stringMatching(/did not start .*no more threads/),
    });
    expect(error.labels).not.toContain('TransientTransactionError');
    expect(error.ms).toBeLessThan(10_000);
  }
});

test('when the system allows threads again, waiting operations run', async () => {
  const out = await program(
    `${refusing('2')}
     const client = new MongoClient(uri, { offload: { workers: 1 } });
     const things = client.db('refused_' + process.pid).collection('things');
     await Promise.all([things.insertOne({ _id: 1 }), things.findOne()]);
     await client.transaction(() => things.insertOne({ _id: 2 }));
     console.log(refused, await things.countDocuments());
     await client.db('refused_' + process.pid).dropDatabase();
     await client.close();`,
  );
  expect(out).toBe('2 2\n');
});

describe('with threads that fail as they start', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'worker-refused-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('a transaction ends soon, with the cause; one whose worker has died ends as well', async () => {
    const starts = path.join(folder, 'starts');
    writeFileSync(starts, '');
    const out = await program(
      `${FAILED}
       const { writeFileSync } = require('node:fs');
       const client = new MongoClient(uri, { offload: { workers: 1 } });
       const things = client.db('refused').collection('things');
       await things.findOne();
       // The worker dies in the middle of it, and no other starts.
       const inTheMiddle = await failed(() => client.transaction(async () => {
         await things.insertOne({});
         if (require('node:fs').existsSync(process.env.BROKEN)) return;
         writeFileSync(process.env.BROKEN, '');
         await killWorkers();
       }));
       const first = await failed(operations(client).transaction);
       require('node:fs').rmSync(process.env.BROKEN);
       const mended = await failed(operations(client).transaction);
       await client.close();
       console.log(JSON.stringify({ inTheMiddle, first, mended }));

       async function killWorkers() {
         const { WorkerPool } = require(${JSON.stringify(WORKER_POOL_FILE)});
         await Promise.all(WorkerPool.running.threads.map((thread) => thread.terminate()));
       }`,
      {
        env: {
          NODE_OPTIONS: `--require ${path.join(__dirname, '../support/crash/at-start.cjs')}`,
          BROKEN: path.join(folder, 'broken'),
          STARTS: starts,
          HOW: 'throw',
        },
      },
    );
    const { inTheMiddle, first, mended } = JSON.parse(out) as Record<string, Failed>;
    for (const error of [inTheMiddle, first]) {
      expect(error).toMatchObject({ name: 'WorkerLostError', cause: 'broken on purpose' });
      expect(error.message).toMatch(/did not start \(broken on purpose\)/);
      expect(error.labels).not.toContain('TransientTransactionError');
      expect(error.labels).not.toContain('UnknownTransactionCommitResult');
      expect(error.ms).toBeLessThan(15_000);
    }
    expect(mended.name).toBe('none');
    expect(readFileSync(starts, 'utf8').length).toBeLessThan(20);
  });
});

test('everything works in a deleted working directory', async () => {
  const out = await program(
    `const folder = require('node:fs').mkdtempSync(require('node:path').join(require('node:os').tmpdir(), 'deleted-'));
     process.chdir(folder);
     require('node:fs').rmdirSync(folder);
     const client = new MongoClient(uri);
     const things = client.db('refused_' + process.pid).collection('things');
     await things.insertMany([{ _id: 1 }, { _id: 2 }]);
     await client.transaction(() => things.insertOne({ _id: 3 }));
     console.log((await things.find().toArray()).length);
     await client.db('refused_' + process.pid).dropDatabase();
     await client.close();`,
  );
  expect(out).toBe('3\n');
});

test.each([
  [
    'process.env',
    `process.env = { ...process.env, call() {}, list: [() => 1], count: 1, none: undefined, [Symbol('s')]: 1 };`,
  ],
  [
    'process.env behind a Proxy',
    `process.env = new Proxy({ ...process.env, hidden: () => 1 }, { get: (env, name) => env[name] });`,
  ],
  ['process.execArgv', `process.execArgv = undefined;`],
  ['process.argv', `process.argv = [() => 1, Symbol('argument')];`],
])('with values in %s that cannot be cloned, everything works', async (_, before) => {
  const out = await program(
    `${before}
     const client = new MongoClient(uri);
     console.log((await client.db('admin').command({ ping: 1 })).ok);
     await client.close();`,
  );
  expect(out).toBe('1\n');
});
