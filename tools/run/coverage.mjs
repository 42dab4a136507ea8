// @ts-check
import { mergeProcessCovs } from '@bcoe/v8-coverage';
import istanbul from 'istanbul-lib-coverage';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import v8ToIstanbul from 'v8-to-istanbul';
import { cacheFolder, root } from './step.mjs';

/*
 * Coverage of the sources. Jest measures what its tests load on the main thread, and knows nothing of other threads and
 * processes: for those, Node itself writes a file for each (NODE_V8_COVERAGE). A thread that is ended from outside
 * writes none.
 */

const folder = path.join(cacheFolder, 'coverage');
const threads = path.join(folder, 'threads');

/** Files merged at once: a file has about 2 MB. */
const BATCH = 20;

/** Arguments with which jest measures, and the environment in which other threads and processes do. */
export const jestArguments = [
  '--coverage',
  '--coverageProvider=v8',
  '--coverageReporters=json',
  `--coverageDirectory=${folder}`,
  '--collectCoverageFrom=packages/*/dist/**/*.js',
];

export function prepare() {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(threads, { recursive: true });
  return { NODE_V8_COVERAGE: threads };
}

/** Returns the coverage of all source files, by their paths. */
export async function measured() {
  const map = istanbul.createCoverageMap();
  const byJest = path.join(folder, 'coverage-final.json');
  if (existsSync(byJest)) map.merge(JSON.parse(readFileSync(byJest, 'utf8')));
  for (const { url, functions } of ofThreads()) {
    const converter = v8ToIstanbul(fileURLToPath(url));
    await converter.load();
    converter.applyCoverage(functions);
    map.merge(converter.toIstanbul());
    converter.destroy();
  }
  rmSync(threads, { recursive: true, force: true });
  return map;
}

/** One line about everything that was measured. */
export function summary(/** @type {import("istanbul-lib-coverage").CoverageMap} */ map) {
  const { statements, branches } = map.getCoverageSummary();
  return `Coverage: ${statements.pct} % of statements, ${branches.pct} % of branches`;
}

/** The files with the smallest part of their statements covered. */
export function leastCovered(
  /** @type {import("istanbul-lib-coverage").CoverageMap} */ map,
  count = 10,
) {
  return map
    .files()
    .map((file) => ({ file, ...map.fileCoverageFor(file).toSummary().data }))
    .sort((a, b) => a.statements.pct - b.statements.pct)
    .slice(0, count)
    .map(({ file, statements, branches }) => ({
      file: path.relative(root, file),
      'statements %': statements.pct,
      'branches %': branches.pct,
    }));
}

/** What threads and processes have written of our packages' files, all of them as one. */
function ofThreads() {
  /** @type {import('@bcoe/v8-coverage').ScriptCov[]} */
  let scripts = [];
  const files = readdirSync(threads);
  while (files.length > 0) {
    const read = files.splice(0, BATCH).map((name) => {
      const { result } = JSON.parse(readFileSync(path.join(threads, name), 'utf8'));
      return { result: result.filter(isOurs) };
    });
    scripts = mergeProcessCovs([{ result: scripts }, ...read]).result;
  }
  return scripts;
}

/** Jest loads files by names that are no URLs, and measures those itself. */
function isOurs(/** @type {{ url: string }} */ { url }) {
  if (!url.startsWith('file://')) return false;
  const [first, , third] = path.relative(root, fileURLToPath(url)).split(path.sep);
  return first === 'packages' && third === 'dist' && url.endsWith('.js');
}
