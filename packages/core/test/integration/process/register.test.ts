import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { uri } from '../../support/clients';

const run = promisify(execFile);
const installed = (name: string): string => path.resolve(__dirname, '../../../node_modules', name);

let folder: string;

/** Writes a file of the program's folder. */
function write(name: string, content: string): void {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
}

function writePackage(name: string, manifest: object, files: Record<string, string>): void {
  write(`${name}/package.json`, JSON.stringify(manifest));
  for (const [file, content] of Object.entries(files)) write(`${name}/${file}`, content);
}

beforeAll(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'mongo-offload-register-')));
  writePackage('.', { name: 'program', version: '1.0.0' }, {});
  mkdirSync(path.join(folder, 'node_modules/@mongo-offload'), { recursive: true });
  symlinkSync(
    path.resolve(__dirname, '../../..'),
    path.join(folder, 'node_modules/@mongo-offload/core'),
  );
  symlinkSync(realpathSync(installed('mongodb')), path.join(folder, 'node_modules/mongodb'));

  // Libraries, and drivers of theirs in other versions.
  const cjs = `module.exports = { driver: require('mongodb'), bson: require('mongodb/lib/bson'), bulk: require('mongodb/lib/bulk/common') };`;
  const esm = `
    import mongodb, { MongoClient, ObjectId } from 'mongodb';
    import bson from 'mongodb/lib/bson.js';
    export { mongodb as driver, bson, MongoClient, ObjectId };`;
  writePackage('node_modules/a-cjs', { name: 'a-cjs', version: '1.2.3' }, { 'index.js': cjs });
  writePackage(
    'node_modules/an-esm',
    { name: 'an-esm', version: '1.2.3', type: 'module', exports: './index.js' },
    { 'index.js': esm },
  );
  for (const version of ['6.20.0', '7.0.1', '7.99.0']) {
    const name = `on-${version}`;
    writePackage(`node_modules/${name}`, { name, version: '1.0.0' }, { 'index.js': cjs });
    writePackage(
      `node_modules/${name}/node_modules/mongodb`,
      { name: 'mongodb', version, main: 'lib/index.js' },
      {
        'lib/index.js': `exports.MongoClient = class MongoClient {}; exports.copy = ${JSON.stringify(version)};`,
        'lib/bson.js': `exports.ObjectId = class ObjectId {};`,
        'lib/bulk/common.js': ``,
      },
    );
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ran {
  seen: Record<string, unknown>;
  stderr: string;
}

/** Runs a program that prints one JSON object. */
async function program(
  file: string,
  source: string,
  flags: string[],
  env: Record<string, string> = {},
): Promise<Ran> {
  write(file, source);
  const { stdout, stderr } = await run(process.execPath, [...flags, file], {
    cwd: folder,
    timeout: 20_000,
    env: { ...process.env, TEST_URI: uri(), NODE_OPTIONS: '', ...env },
  });
  return { seen: JSON.parse(stdout) as Record<string, unknown>, stderr };
}

const OURS = '@mongo-offload/core/register';

const asModule = `
  import * as namespace from 'mongodb';
  import mongodb, { MongoClient, Db, ObjectId } from 'mongodb';
  import { createRequire } from 'node:module';
  import cjs from 'a-cjs';
  import * as esm from 'an-esm';
  import * as core from '@mongo-offload/core';
  const require = createRequire(import.meta.url);`;
const asCommonJs = `
  const mongodb = require('mongodb');
  const { MongoClient, Db, ObjectId } = mongodb;
  const cjs = require('a-cjs');
  const core = require('@mongo-offload/core');
  (async () => {
  const namespace = await import('mongodb');
  const esm = await import('an-esm');`;
const body = `
  const client = new MongoClient(process.env.TEST_URI);
  let opened = 0;
  client.on('connectionCreated', (event) => { if (event.offloadWorker === undefined) opened++; });
  const { ok } = await client.db('admin').command({ ping: 1 });
  await client.db('admin').collection('none').find().toArray();
  console.log(JSON.stringify({
    ours: [core, mongodb, namespace, cjs.driver, esm, esm.driver, require('mongodb')].map((m) => m.MongoClient === core.MongoClient),
    path: require.resolve('mongodb') === require.resolve('@mongo-offload/core'),
    bson: [cjs.bson, esm.bson, require('mongodb/lib/bson')].map((m) => m.ObjectId === ObjectId),
    bulk: cjs.bulk.BulkWriteResult === require('mongodb/lib/bulk/common').BulkWriteResult && cjs.bulk.BulkWriteResult.name,
    // Whatever the name, the class that the driver made is the base of ours.
    base: Object.getPrototypeOf(MongoClient).name + ' ' + (Object.getPrototypeOf(MongoClient) !== MongoClient),
    instances: client instanceof esm.MongoClient && client.db('x') instanceof Db,
    ok, opened,
  }));
  await client.close();`;

const programs: [file: string, source: string][] = [
  ['app.mjs', asModule + body],
  ['app.cjs', `${asCommonJs}${body}})();`],
];

const seenByAll = {
  ours: Array(7).fill(true),
  path: true,
  bson: [true, true, true],
  bulk: 'BulkWriteResult',
  base: 'MongoClient true',
  instances: true,
  ok: 1,
  opened: 0,
};

describe('a program that says mongodb is given us, its libraries as well', () => {
  describe.each(programs)('%s', (file, source) => {
    test.each(['--import', '--require'])('with %s', async (flag) => {
      const { seen, stderr } = await program(file, source, [flag, OURS]);
      expect(seen).toStrictEqual(seenByAll);
      expect(stderr).toBe('');
    });

    test('with NODE_OPTIONS, which reach our workers and change nothing there', async () => {
      write(
        'spy.cjs',
        `const { workerData } = require('node:worker_threads');
         const before = require('node:module').Module._resolveFilename;
         setImmediate(() => {
           const changed = before !== require('node:module').Module._resolveFilename;
           if (workerData !== null && changed) require('node:fs').writeSync(2, 'registered in a worker');
         });`,
      );
      const { seen, stderr } = await program(file, source, [], {
        NODE_OPTIONS: `--require ./spy.cjs --import ${OURS}`,
      });
      expect(seen).toStrictEqual(seenByAll);
      expect(stderr).toBe('');
    });
  });

  test('in a worker thread of the program’s own', async () => {
    write('thread.cjs', `${asCommonJs}${body}})();`);
    const { seen } = await program(
      'threads.cjs',
      `new (require('node:worker_threads').Worker)('./thread.cjs');`,
      ['--require', OURS],
    );
    expect(seen).toStrictEqual(seenByAll);
  });
});

describe('a library with a driver of its own', () => {
  const report = (name: string, type: 'cjs' | 'mjs'): string => `
    ${type === 'cjs' ? `const lib = require('${name}'), core = require('@mongo-offload/core'), { ObjectId } = require('mongodb');` : `import lib from '${name}'; import * as core from '@mongo-offload/core'; import { ObjectId } from 'mongodb';`}
    console.log(JSON.stringify({
      ours: lib.driver.MongoClient === core.MongoClient,
      copy: lib.driver.copy,
      oneObjectId: lib.bson.ObjectId === ObjectId,
    }));`;

  test.each(['cjs', 'mjs'] as const)(
    '6.x keeps it, with one warning that names it (%s)',
    async (type) => {
      const { seen, stderr } = await program(`six.${type}`, report('on-6.20.0', type), [
        '--import',
        OURS,
      ]);
      expect(seen).toStrictEqual({ ours: false, copy: '6.20.0', oneObjectId: false });
      expect(stderr.match(/MongoOffloadWarning/g)).toHaveLength(1);
      expect(stderr).toMatch(/MONGO_OFFLOAD_OTHER_DRIVER.*on-6\.20\.0@1\.0\.0 .*version 6\.20\.0/);
    },
  );

  test('6.x that it imports as a module: the same', async () => {
    write('node_modules/on-6.20.0/module.mjs', `export { default, copy } from 'mongodb';`);
    const { seen, stderr } = await program(
      'six-module.mjs',
      `import { copy } from 'on-6.20.0/module.mjs';
       console.log(JSON.stringify({ copy })); setTimeout(() => {}, 50);`,
      ['--import', OURS],
    );
    expect(seen).toStrictEqual({ copy: '6.20.0' });
    expect(stderr).toMatch(/on-6\.20\.0@1\.0\.0 .*version 6\.20\.0/);
  });

  test('7.x is given ours, and the same classes as the program', async () => {
    const { seen, stderr } = await program('seven.cjs', report('on-7.0.1', 'cjs'), [
      '--import',
      OURS,
    ]);
    expect(seen).toStrictEqual({ ours: true, oneObjectId: true });
    expect(stderr).toBe('');
  });

  test('7.x newer than the program’s is given ours, with one warning that names it', async () => {
    const { seen, stderr } = await program('newer.cjs', report('on-7.99.0', 'cjs'), [
      '--require',
      OURS,
    ]);
    expect(seen).toStrictEqual({ ours: true, oneObjectId: true });
    expect(stderr.match(/MongoOffloadWarning/g)).toHaveLength(1);
    expect(stderr).toMatch(/on-7\.99\.0@1\.0\.0 imports mongodb 7\.99\.0/);
  });
});
