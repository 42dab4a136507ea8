import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { program } from '../../support/program';

// What Yarn's .pnp.cjs does to a thread that loads it, as far as it concerns us.
const RUNTIME = `
  const Module = require('node:module');
  require('node:fs').appendFileSync(process.env.THREADS, '.');
  process.versions.pnp = '3';
  const next = Module._resolveFilename;
  Module._resolveFilename = function (request, ...rest) {
    return request === 'pnpapi' ? __filename : next.call(this, request, ...rest);
  };`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'plug-and-play-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test.each(['-r', 'setup()'])('workers resolve packages as the process does: %s', async (how) => {
  const runtime = path.join(folder, '.pnp.cjs');
  const threads = path.join(folder, 'threads');
  writeFileSync(runtime, RUNTIME);
  writeFileSync(threads, '');
  const out = await program(
    `${how === '-r' ? '' : `require(${JSON.stringify(runtime)});`}
     const client = new MongoClient(uri, { offload: { workers: 1 } });
     console.log((await client.db('admin').command({ ping: 1 })).ok);
     await client.close();`,
    { flags: how === '-r' ? ['-r', runtime] : [], env: { THREADS: threads } },
  );
  expect(out).toBe('1\n');
  // This process and its worker.
  expect(readFileSync(threads, 'utf8')).toBe('..');
});
