import { execFile, execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { uri } from '../../support/clients';

const run = promisify(execFile);

/* What users get: the packages as they would be published, in a folder that knows nothing of this one. */

const root = path.resolve(__dirname, '../../../../..');
let folder: string;

const inFolder = (...parts: string[]): string => path.join(folder, ...parts);

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'mongo-offload-packed-')));
  for (const name of ['worker', 'core']) {
    await run('npx', ['--yes', 'pnpm@12.21.0', 'pack', '--pack-destination', folder], {
      cwd: path.join(root, 'packages', name),
      shell: process.platform === 'win32',
    });
    const tarball = readdirSync(folder).find((file) => file.includes(`-${name}-`))!;
    const destination = inFolder('node_modules/@mongo-offload', name);
    mkdirSync(destination, { recursive: true });
    execFileSync('tar', ['-xzf', tarball, '--strip-components=1', '-C', destination], {
      cwd: folder,
    });
  }
  // Their dependencies and the peer, as a package manager would install them.
  for (const dependency of ['mongodb', 'piscina', 'comlink']) {
    const installed = realpathSync(path.join(root, 'packages/core/node_modules', dependency));
    symlinkSync(installed, inFolder('node_modules', dependency), 'junction');
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const body = `
  const client = new MongoClient(process.env.TEST_URI);
  const collection = client.db('packed_' + process.pid).collection('things');
  await collection.insertOne({ _id: new ObjectId('0123456789abcdef01234567'), a: 1 });
  const [found] = await collection.find().toArray();
  await client.db('packed_' + process.pid).dropDatabase();
  await client.close();
  console.log(JSON.stringify([found, MongoClient.name, found._id instanceof ObjectId]));`;

const asModule = (name: string): string =>
  `import { MongoClient, ObjectId } from '${name}';\n${body}`;
const asCommonJs = (name: string): string =>
  `const { MongoClient, ObjectId } = require('${name}');\n(async () => {${body}})();`;

const expected = [{ _id: '0123456789abcdef01234567', a: 1 }, 'MongoClient', true];

async function runs(cwd: string, file: string, flags: string[] = []): Promise<unknown> {
  const env = { ...process.env, NODE_OPTIONS: '', TEST_URI: uri() };
  const { stdout, stderr } = await run(process.execPath, [...flags, file], {
    cwd,
    env,
    timeout: 30_000,
  });
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

async function esbuild(entry: string, outfile: string, flags: string[]): Promise<void> {
  const bin = path.join(root, 'node_modules/esbuild/bin/esbuild');
  const args = [entry, '--bundle', '--platform=node', '--log-level=error', `--outfile=${outfile}`];
  await run(bin, [...args, ...flags], { cwd: folder });
}

describe('in an empty folder', () => {
  test.each([
    ['app.mjs', asModule('@mongo-offload/core'), []],
    ['app.cjs', asCommonJs('@mongo-offload/core'), []],
    ['registered.mjs', asModule('mongodb'), ['--import', '@mongo-offload/core/register']],
    ['registered.cjs', asCommonJs('mongodb'), ['--require', '@mongo-offload/core/register']],
  ])('%s', async (file, source, flags) => {
    writeFileSync(inFolder(file), source);
    expect(await runs(folder, file, flags)).toStrictEqual(expected);
  });
});

describe('bundled by esbuild', () => {
  const external = ['--external:@mongo-offload/core', '--external:mongodb'];

  test.each([
    ['cjs', asModule('@mongo-offload/core').replace(/\n([^]*)/, '\n(async () => {$1})();'), []],
    ['esm', asModule('@mongo-offload/core'), []],
    ['esm', asModule('mongodb'), ['--alias:mongodb=@mongo-offload/core']],
  ])('with the packages left outside (%s)', async (format, source, flags) => {
    const outfile = `bundle-${flags.length}.${format === 'esm' ? 'mjs' : 'cjs'}`;
    writeFileSync(inFolder('source.mjs'), source);
    await esbuild('source.mjs', outfile, [`--format=${format}`, ...external, ...flags]);
    expect(await runs(folder, outfile)).toStrictEqual(expected);
  });

  test('with the packages inside it says what to do, as soon as a client is made', async () => {
    const elsewhere = realpathSync(mkdtempSync(path.join(tmpdir(), 'mongo-offload-bundle-')));
    writeFileSync(
      inFolder('source.cjs'),
      `const { MongoClient, BundledError } = require('@mongo-offload/core');
       try { new MongoClient(process.env.TEST_URI); } catch (error) {
         console.log(JSON.stringify([error instanceof BundledError, error.name, error.code, error.message]));
       }`,
    );
    await esbuild('source.cjs', path.join(elsewhere, 'bundle.cjs'), []);
    const seen = (await runs(elsewhere, 'bundle.cjs')) as string[];
    expect(seen.slice(0, 3)).toStrictEqual([true, 'BundledError', 'MONGO_OFFLOAD_BUNDLED']);
    expect(seen[3]).toMatch(/bundled into .*bundle\.cjs.*--external:@mongo-offload\/core/);
    rmSync(elsewhere, { recursive: true });
  });
});
