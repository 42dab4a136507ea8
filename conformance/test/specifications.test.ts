import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';

const conformance = path.join(__dirname, '..');
const specifications = path.join(conformance, '..', '..', 'shared', 'specifications');
const built = existsSync(path.join(conformance, '..', 'packages', 'core', 'dist', 'index.js'));

interface Result {
  id: string;
  suite: string;
  status: 'passed' | 'failed' | 'skipped';
  reason?: string;
  onMain: string[];
}

interface Outcome {
  runs: { driver: string; results: Result[] }[];
  /** What the native driver passes and ours does not, without what differences.json lists. */
  missing: Result[];
}

const obstacle = !existsSync(specifications)
  ? `there are no specifications at ${specifications}`
  : !built
    ? '@mongo-offload/core is not built'
    : undefined;

// A skipped suite must not look like a passed one.
if (obstacle) {
  console.warn(`Conformance is skipped: ${obstacle}`);
}

const suites = obstacle ? ['none'] : readdirSync(specifications);
// What never sends a command is not tried a second time.
const sending = suites.filter((suite) => !/^(?:bson|connection-string|uri-options)/.test(suite));

(obstacle ? describe.skip : describe).each([
  { title: 'with command monitoring where a test asks for it', suites, args: [] },
  {
    title: 'without command monitoring',
    suites: sending,
    args: ['--unmonitored', '--filter', `^(${sending.join('|')})/`],
  },
])("the drivers' specifications, $title", ({ suites, args }) => {
  let outcome: Outcome;

  beforeAll(async () => {
    outcome = await runBoth(args);
  }, 600_000);

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
    const { results } = outcome.runs[1];
    // Without command monitoring, less is looked at: what passes there may still differ.
    const monitored = args.length === 0 ? results : [];
    const passed = monitored.filter(({ status }) => status === 'passed').map(({ id }) => id);
    const outdated = Object.keys(known('differences.json')).filter((id) => passed.includes(id));
    expect(outdated).toEqual([]);
  });

  it('sends no command from the main thread, except where on-main.json says why', () => {
    const allowed = known('on-main.json');
    const others = outcome.runs[1].results.filter(
      ({ id, onMain }) => onMain.length > 0 && !Object.hasOwn(allowed, id),
    );
    const examples = others.slice(0, 20).map(({ id, onMain }) => `${id}: ${onMain.join(', ')}`);
    expect({ cases: others.length, examples }).toEqual({ cases: 0, examples: [] });
  });
});

/**
 * Runs both drivers, each in a process and on a server of its own rather than on the one that all test
 * files share: fail points and killed sessions are the whole server's.
 */
async function runBoth(args: string[]): Promise<Outcome> {
  const folder = mkdtempSync(path.join(tmpdir(), 'conformance-'));
  const json = path.join(folder, 'results.json');
  const drivers = ['--driver', 'mongodb', '--driver', '@mongo-offload/core'];
  const main = [path.join(conformance, 'main.mjs'), '--spec', specifications, '--json', json];
  try {
    await promisify(execFile)(process.execPath, [...main, ...drivers, ...args], {
      maxBuffer: 2 ** 26,
    });
  } catch (error) {
    // It ends with 1 where something is missing, which the tests tell.
    if (!existsSync(json)) throw error;
  }
  const outcome = JSON.parse(readFileSync(json, 'utf8')) as Outcome;
  rmSync(folder, { recursive: true, force: true });
  return outcome;
}

/** A list of known cases, with the reason of each. */
function known(file: string): Record<string, string> {
  return JSON.parse(readFileSync(path.join(conformance, file), 'utf8')) as Record<string, string>;
}
