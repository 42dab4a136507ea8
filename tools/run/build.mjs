// @ts-check
import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { install } from './install.mjs';
import { program, root, runTool, say, secondsSince } from './step.mjs';

const packages = ['packages/worker', 'packages/core'];

/** Installs missing dependencies, then compiles the changes. */
export async function build() {
  await install();
  const start = performance.now();
  await runTool('build', 'typescript/bin/tsc', ['--build', '--pretty']);
  for (const folder of packages) removeStale(path.join(root, folder));
  say(`Built in ${secondsSince(start)}.`);
}

/**
 * Removes compiled files whose source is gone. The compiler leaves them, and Node would load `a.js` of a former
 * `a.ts` in place of today's `a/index.js`.
 *
 * @param {string} folder of a package
 */
function removeStale(folder) {
  const dist = path.join(folder, 'dist');
  for (const file of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    const source = file.replace(/(\.js|\.d\.ts)(\.map)?$/, '.ts');
    if (source === file || existsSync(path.join(folder, 'src', source))) continue;
    rmSync(path.join(dist, file), { force: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await program(build);
