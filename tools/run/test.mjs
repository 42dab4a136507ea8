// @ts-check
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { build } from './build.mjs';
import { checks } from './checks.mjs';
import { cacheFolder, program, runTool, say, secondsSince, StepFailed } from './step.mjs';

const jestReport = path.join(cacheFolder, 'jest.json');

/** Folders of a package's tests, as `npm test -- unit` names them. */
const TEST_FOLDERS = ['unit', 'integration', 'faults'];

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
    if (jestArguments.length === 0) await runChecks(tally);
    await runJest(jestArguments, tally);
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
 * @param {string[]} jestArguments
 * @param {Tally} tally
 */
async function runJest(jestArguments, tally) {
  say('Testing …');
  mkdirSync(cacheFolder, { recursive: true });
  rmSync(jestReport, { force: true });
  try {
    await runTool('jest', 'jest/bin/jest.js', [
      '--json',
      `--outputFile=${jestReport}`,
      ...jestArguments,
    ]);
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
