import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const folder = path.join(__dirname, '..');

/** Runs an example as a user does; it must end by itself, with exit code 0 and no warning. */
async function run(name: string, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    [path.join(folder, name), ...args],
    { env: { ...process.env, MONGODB_URI: process.env.MONGODB_TEST_URI }, timeout: 100_000 },
  );
  expect(stderr).toBe('');
  return stdout;
}

describe('the tour through what Motor users know', () => {
  const keyLines: Record<string, (string | RegExp)[]> = {
    connect: [/^connected to MongoDB \d+\.\d+/m, 'the collection is motor_tour.people'],
    insert: [/^inserted ([0-9a-f]{24}), which is \1$/m, 'inserted 3 more', 'code 11000'],
    find: [
      'findOne: 49 null',
      'for await: 999\nfor await: 998\nfor await: 997',
      'toArray: 1000',
      'toList: 9 19',
      'next: 0\nnext: 1\nfetchNext: 0\nfetchNext: 1',
      'batches: 499500',
    ],
    change: [
      'count: 50',
      'estimate: 100',
      'updated: 10',
      'replaced: _id, i, note',
      'found and updated: busy 1',
      'upserted: 1',
      'deleted: 41 left: 60',
    ],
    ask: [
      'index: town_1_amount_-1',
      'Cork: 15050, best 299',
      'plan: IXSCAN',
      'ping: 1 count: 10',
      'best of each: 297, 298, 299',
    ],
    timeouts: [
      'maxTimeMS: MaxTimeMSExpired',
      'signal: TimeoutError',
      'deadlineMS: DeadlineExceededError',
      'operation: MongoServerSelectionError',
      'waitUntilReady: NotReadyError, because of MongoServerSelectionError',
    ],
  };

  it.each(Object.keys(keyLines))(
    '%s.mjs',
    async (stop) => {
      const output = await run(`motor-tour/${stop}.mjs`);
      for (const line of keyLines[stop]) {
        if (typeof line === 'string') expect(output).toContain(line);
        else expect(output).toMatch(line);
      }
    },
    110_000,
  );
});

describe('watching a program', () => {
  it('log.mjs says in each line what was done since the one before', async () => {
    const output = await run('watching/log.mjs', '300', '3');
    const lines = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { workers: { done: number }[]; longestStallMS: number });
    expect(lines).toHaveLength(3);
    for (const { workers, longestStallMS } of lines) {
      expect(workers.reduce((all, { done }) => all + done, 0)).toBeGreaterThan(0);
      expect(longestStallMS).toBeGreaterThanOrEqual(0);
    }
  }, 110_000);

  it('operations.mjs measures each operation by its name and its outcome', async () => {
    const output = await run('watching/operations.mjs');
    expect(output).toMatch(/^collection\.findOne numbers ok: 100, median [\d.]+ ms/m);
    expect(output).toMatch(/^collection\.insertOne numbers MongoServerError: 1,/m);
    expect(output).toMatch(/^cursor\.open numbers ok: 1,/m);
  }, 110_000);
});

describe('the side-by-side demonstration', () => {
  it('runs all works on both clients, finds the same results, and prints one table', async () => {
    const output = await run('side-by-side/main.mjs', '--documents', '3000');
    expect(output.match(/same results/g)).toHaveLength(4);
    const [, afterRule = ''] = /^─+\n([^]*?)\n\n/m.exec(output) ?? [];
    const rows = afterRule.split('\n');
    expect(rows).toHaveLength(4);
    for (const row of rows) {
      const figures = row.split('│').slice(1).join(' ').trim().split(/\s+/);
      expect(figures).toHaveLength(8);
      for (const figure of figures) expect(Number(figure.replaceAll(',', ''))).not.toBeNaN();
    }
  }, 110_000);

  it('refuses a senseless number of documents', async () => {
    await expect(run('side-by-side/main.mjs', '--documents', 'many')).rejects.toThrow(
      '--documents must be a whole number',
    );
  });
});
