import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const conformance = path.join(__dirname, '..');
const specifications = path.join(conformance, '..', '..', 'shared', 'specifications');
const built = existsSync(path.join(conformance, '..', 'packages', 'core', 'dist', 'index.js'));

interface Result {
  id: string;
  suite: string;
  status: 'passed' | 'failed' | 'skipped';
  reason?: string;
}

interface Outcome {
  runs: { driver: string; results: Result[] }[];
  missing: Result[];
  outdated: string[];
}

const obstacle = !existsSync(specifications)
  ? `there are no specifications at ${specifications}`
  : !built
    ? '@mongo-offload/core is not built'
    : undefined;

if (obstacle) {
  // eslint-disable-next-line no-console -- a skipped suite must not look like a passed one
  console.warn(`Conformance is skipped: ${obstacle}`);
}

(obstacle ? describe.skip : describe)("the drivers' specifications", () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'conformance-'));
  const suites = obstacle ? ['none'] : readdirSync(specifications);
  let outcome: Outcome;

  // In processes and on servers of their own rather than on the one that test files share: fail points
  // and killed sessions are the whole server's.
  beforeAll(async () => {
    const json = path.join(folder, 'results.json');
    const args = [path.join(conformance, 'main.mjs'), '--spec', specifications, '--json', json];
    args.push('--driver', 'mongodb', '--driver', '@mongo-offload/core');
    await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 26 }).catch(
      (error: { stderr?: string }) => {
        // It ends with 1 where something is missing, which is told below.
        if (!existsSync(json)) throw new Error(`No results: ${error.stderr}`, { cause: error });
      },
    );
    outcome = JSON.parse(readFileSync(json, 'utf8')) as Outcome;
  }, 600_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('are run, and most of them pass on the native driver', () => {
    const { results } = outcome.runs[0];
    const passed = results.filter(({ status }) => status === 'passed');
    expect(passed.length).toBeGreaterThan(results.length / 2);
  });

  it.each(suites)('%s: mongo-offload passes what the native driver passes', (suite) => {
    const missing = outcome.missing
      .filter(({ id }) => id.startsWith(`${suite}/`))
      .map(({ id, status, reason }) => `${id}: ${status}: ${reason}`);
    expect(missing).toEqual([]);
  });

  it('lists no difference that is none any more', () => {
    expect(outcome.outdated).toEqual([]);
  });
});
