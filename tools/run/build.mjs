// @ts-check
import { pathToFileURL } from 'node:url';
import { install } from './install.mjs';
import { program, runTool, say, secondsSince } from './step.mjs';

/** Compiles what changed, after installing what is missing. */
export async function build() {
  await install();
  const start = performance.now();
  await runTool('build', 'typescript/bin/tsc', ['--build', '--pretty']);
  say(`Built in ${secondsSince(start)}.`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await program(build);
