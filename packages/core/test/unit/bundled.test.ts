import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

import { BundledError } from '@mongo-offload/core';

import { WORKER_ENTRY_FILE } from '../support/internals';

/** Runs our file as a bundle does: with the names and the module numbers that the bundler gives it. */
function workerEntryIn(filename: unknown, resolved: unknown): () => string {
  const exports = {} as { workerEntry(): string };
  const require = Object.assign(createRequire(WORKER_ENTRY_FILE), { resolve: () => resolved });
  const source = readFileSync(WORKER_ENTRY_FILE, 'utf8');
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- this is how a bundle runs a module
  new Function('exports', 'require', '__filename', '__dirname', source)(
    exports,
    require,
    filename,
    '/',
  );
  return exports.workerEntry;
}

const relative = `node_modules/@mongo-offload/core/${path.relative(path.resolve(__dirname, '../..'), WORKER_ENTRY_FILE)}`;

test.each<[how: string, filename: unknown, resolved: unknown]>([
  ['webpack with node.__filename: true, in production', relative, 4711],
  ['webpack with node.__filename: true, in development', relative, './node_modules/entry.js'],
  ['webpack with node.__filename: "mock"', '/index.js', 4711],
  ['webpack with node.__filename: "eval-only" or esbuild', '/app/bundle.js', undefined],
  ['a bundle that was moved to another machine', `/app/${relative}`, '/nowhere/entry.js'],
  ['a bundle that is an ES module', undefined, undefined],
])('a bundle says that it is one: %s', (_, filename, resolved) => {
  expect(workerEntryIn(filename, resolved)).toThrow(BundledError);
});

test('outside of a bundle the file of our workers is found', () => {
  const entry = createRequire(WORKER_ENTRY_FILE).resolve('@mongo-offload/worker/entry');
  expect(workerEntryIn(WORKER_ENTRY_FILE, entry)()).toBe(entry);
});
