import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { uri } from '../../support/clients';

const jestCommand = path.resolve(__dirname, '../../../../../node_modules/jest/bin/jest.js');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'open-handles-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('Jest finds no open handle after clients, with and without listeners, were closed', () => {
  writeFileSync(path.join(folder, 'package.json'), '{ "jest": { "transform": {} } }');
  writeFileSync(
    path.join(folder, 'a.test.js'),
    `const { MongoClient } = require(${JSON.stringify(require.resolve('@mongo-offload/core'))});
     test('reading', async () => {
       const client = new MongoClient(process.env.URI);
       const things = client.db('open_handles').collection('things');
       await client.connect();
       await things.findOne();
       await things.find().toArray();
       await client.close();
     });
     test('reading at once, by a worker of other settings, so that its thread starts in the call', async () => {
       const client = new MongoClient(process.env.URI, { offload: { chunkBytes: 65536 } });
       await client.db('open_handles').collection('things').findOne();
       await client.close();
     });
     test('listening, in a transaction', async () => {
       const client = new MongoClient(process.env.URI, { monitorCommands: true });
       const seen = [];
       client.on('commandSucceeded', (event) => seen.push(event));
       const things = client.db('open_handles').collection('things');
       await things.find().toArray();
       await client.transaction(() => things.findOne());
       await client.close();
       expect(seen.length).toBeGreaterThan(1);
     });`,
  );
  // The driver loads `os` by a dynamic import, which needs a flag in Jest.
  const flags = ['--no-warnings', '--experimental-vm-modules'];
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [...flags, jestCommand, '--detectOpenHandles', '--rootDir', folder, '--ci'],
    { cwd: folder, encoding: 'utf8', timeout: 60_000, env: { ...process.env, URI: uri() } },
  );
  const output = stdout + stderr;
  expect([status, output]).toStrictEqual([0, expect.stringContaining('3 passed')]);
  expect(output).not.toMatch(/open handle/i);
}, 70_000);
