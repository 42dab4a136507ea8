// @ts-check
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { build } from './build.mjs';
import { checks } from './checks.mjs';
import { cacheFolder, program, runTool, say, secondsSince, StepFailed } from './step.mjs';

const jestReport = path.join(cacheFolder, 'jest.json');

/** Folders of a package's tests, as `npm test -- unit` names them. */
const TEST_FOLDERS = ['unit', 'integration', 'faults'];

/** The tests whose coverage is measured. */
const MEASURED = [
  '/test/unit/',
  '/integration/events/',
  '/integration/transactions/',
  '/reading/(cursor|change-stream)\\.test',
  '/writing/(crud|gridfs|bulk-sequences)\\.test',
  '/process/register\\.test',
].join('|');

/**
 * `npm test` installs, builds, checks and tests. `npm test -- <arguments>` leaves the checks out. An argument that
 * names a folder of tests selects that folder; jest gets all others as they are.
 *
 * All checks run, even after a failure. The last line counts checks and tests together.
 */
await program(async () => {
  const jestArguments = process.argv
    .slice(2)
    .map((argument) => (TEST_FOLDERS.includes(argument) ? `/test/${argument}/` : argument));
  const tally = { passed: 0, failed: 0, skipped: 0 };
  try {
    await build();
    if (jestArguments.length > 0) await runJest(jestArguments, tally);
    else {
      await runChecks(tally);
      await runAllTests(tally);
    }
  } catch (error) {
    tally.failed += 1;
    if (!(error instanceof StepFailed)) console.error(error);
    else process.stderr.write(`${error.message}\n`);
  }
  const skipped = tally.skipped === 0 ? '' : `, ${tally.skipped} skipped`;
  say(`\n${tally.passed} passed, ${tally.failed} failed${skipped}`);
  if (tally.failed > 0) process.exitCode = 1;
});

/** @typedef {{ passed: number, failed: number, skipped: number }} Tally */

/** @param {Tally} tally */
async function runChecks(tally) {
  for (const { title, check } of checks) {
    const start = performance.now();
    say(`Checking ${title} …`);
    try {
      await check();
      tally.passed += 1;
      say(`✓ ${title} (${secondsSince(start)})`);
    } catch (error) {
      if (!(error instanceof StepFailed)) throw error;
      tally.failed += 1;
      say(`✗ ${error.message}`);
    }
  }
}

/**
 * Runs all tests, some of them with their coverage measured. To measure all would take a tenth longer, and would
 * disturb tests that measure times and memory.
 *
 * @param {Tally} tally
 */
async function runAllTests(tally) {
  // Its packages are not installed yet when this file is loaded.
  const coverage = await import('./coverage.mjs');
  const env = { ...process.env, ...coverage.prepare() };
  await runJest([...coverage.jestArguments, `(${MEASURED})`], tally, env);
  const measured = await coverage.measured();
  console.table(coverage.leastCovered(measured));
  say(coverage.summary(measured));
  await runJest([`^(?!.*(${MEASURED}))`], tally);
}

/**
 * @param {string[]} jestArguments
 * @param {Tally} tally
 * @param {NodeJS.ProcessEnv} [env]
 */
async function runJest(jestArguments, tally, env) {
  say('Testing …');
  mkdirSync(cacheFolder, { recursive: true });
  rmSync(jestReport, { force: true });
  try {
    const report = ['--json', `--outputFile=${jestReport}`];
    await runTool('jest', 'jest/bin/jest.js', [...report, ...jestArguments], { env });
  } catch (error) {
    // The report lists failed tests. Without a report, jest itself failed.
    if (!(error instanceof StepFailed) || !existsSync(jestReport)) throw error;
    const report = JSON.parse(readFileSync(jestReport, 'utf8'));
    if (report.numFailedTests + report.numRuntimeErrorTestSuites === 0) throw error;
  }
  if (!existsSync(jestReport)) return;
  const report = JSON.parse(readFileSync(jestReport, 'utf8'));
  tally.passed += report.numPassedTests;
  // A file that could not be loaded has no tests to count.
  tally.failed += report.numFailedTests + report.numRuntimeErrorTestSuites;
  tally.skipped += report.numPendingTests + report.numTodoTests;
}
