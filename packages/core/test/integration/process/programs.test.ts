import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { uri } from '../../support/clients';

const run = promisify(execFile);

interface Report {
  /** What the program saw. */
  seen: Record<string, unknown>;
  /** The commands that the main thread's copy of the driver sent. */
  commands: string[];
}

const dbName = `programs_${randomUUID().slice(0, 8)}`;

/** Runs a program of the folder `programs` as it is, unpatched, in a process of its own. */
async function program(
  file: string,
  flags: string[],
  args: string[] = [],
): Promise<Report & { stderr: string }> {
  const { stdout, stderr } = await run(
    process.execPath,
    [...flags, path.join(__dirname, 'programs', file), ...args],
    {
      cwd: path.resolve(__dirname, '../../..'),
      timeout: 60_000,
      env: { ...process.env, NODE_OPTIONS: '', TEST_URI: uri(), TEST_DB: dbName, TEST_SPY: '1' },
    },
  );
  return { ...(JSON.parse(stdout) as Report), stderr };
}

const register = '@mongo-offload/core/register';

describe.each([
  ['mongoose.cjs', '--require'],
  ['mongoose-more.cjs', '--require'],
  ['connect-mongo.mjs', '--import'],
])('%s', (file, flag) => {
  test(`sees with ${flag} ${register} what it sees with mongodb, and sends nothing from the main thread`, async () => {
    const plain = await program(file, []);
    const registered = await program(file, [flag, register]);
    expect(registered.seen).toStrictEqual(plain.seen);
    expect(registered.stderr).toBe(plain.stderr);
    // The monitoring's own; a program that was not registered shows that others would be seen.
    expect(
      registered.commands.filter((name) => !['hello', 'ismaster'].includes(name)),
    ).toStrictEqual([]);
  });
});

test('what the main thread sends is seen by these tests', async () => {
  const { commands } = await program('connect-mongo.mjs', []);
  expect(commands).toEqual(
    expect.arrayContaining(['find', 'update', 'createIndexes', 'dropDatabase']),
  );
});

describe('transactions on mongoose', () => {
  test('are right in every style, and give rise to no warning', async () => {
    const file = 'mongoose-transactions.cjs';
    const plain = await program(file, []);
    const registered = await program(file, ['--require', register]);
    const { ours, thrown, ...common } = registered.seen;
    expect(common).toStrictEqual(plain.seen);
    expect([ours, thrown]).toStrictEqual([
      ['Ann', ['Ours'], 1, 1, 0, 1],
      ['no', 0],
    ]);
    expect(registered.stderr).toBe('');
  });

  test('in which a session was forgotten are told of, by the program’s lines', async () => {
    const file = 'mongoose-transactions.cjs';
    const { stderr } = await program(file, ['--require', register], ['forgetful']);
    const source = readFileSync(path.join(__dirname, 'programs', file), 'utf8').split('\n');
    const line = (mark: string): number => source.findIndex((text) => text.includes(mark)) + 1;
    const told = stderr.split('\n').filter((text) => text.includes('MongoOffloadWarning'));
    expect(told).toHaveLength(3);
    expect(told[0]).toMatch(
      /FORGOTTEN_SESSION.*collection\.countDocuments at \S+ was called without a session/,
    );
    expect(told[0]).toContain(`${file}:${line('// line A')}:`);
    expect(told[1]).toMatch(
      /FORGOTTEN_SESSION.*The FindCursor's query at \S+ was called without a session/,
    );
    expect(told[1]).toContain(`${file}:${line('// line B')}:`);
    expect(told[2]).toMatch(/LEFT_OPEN/);
  });
});
