// @ts-check
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { cruise } from 'dependency-cruiser';
import { format, resolveConfig } from 'prettier';

import { sectionOf } from './picture.mjs';
import { rules } from './rules.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const PAGE = 'docs/architecture.md';

/**
 * Checks the imports between the rooms of tools/structure/layers.mjs.
 *
 * @param {string} [prefix] - folder that holds the packages, below the root of the workspace
 * @returns {Promise<string[]>} the violations, a line each
 */
async function violations(prefix = '') {
  const sources = [`${prefix}packages/worker/src`, `${prefix}packages/core/src`];
  const { output } = await cruise(sources, {
    baseDir: root,
    validate: true,
    ruleSet: { forbidden: rules(prefix) },
    // Types are part of the structure as well.
    tsPreCompilationDeps: true,
    doNotFollow: { path: '(^|/)(node_modules|dist)/' },
  });
  if (typeof output === 'string') throw new Error(output);
  return output.summary.violations.map(
    ({ rule, from, to }) => `${rule.name}: ${from} imports ${to}`,
  );
}

/**
 * Returns the page with the picture of the layers, and as it is now.
 *
 * @returns {Promise<{ drawn: string, now: string }>}
 */
async function pages() {
  const file = path.join(root, PAGE);
  const now = readFileSync(file, 'utf8');
  const text = sectionOf(now);
  const drawn = await format(text, { ...(await resolveConfig(file)), filepath: file });
  return { drawn, now };
}

/**
 * Returns what is wrong with the structure: imports that it forbids, a picture that is not up to date.
 *
 * @param {string | undefined} fixture - checks the packages in this folder instead, without a picture
 */
async function complaints(fixture) {
  const found = await violations(fixture);
  if (fixture !== undefined) return found;
  const { drawn, now } = await pages();
  if (drawn !== now) {
    found.push(
      `The picture in ${PAGE} does not show tools/structure/layers.mjs. Run: node tools/structure/check.mjs --draw`,
    );
  }
  return found;
}

const [argument] = process.argv.slice(2);
if (argument === '--draw') {
  writeFileSync(path.join(root, PAGE), (await pages()).drawn);
} else {
  const found = await complaints(argument);
  for (const line of found) process.stdout.write(`${line}\n`);
  if (found.length > 0) process.exitCode = 1;
}
