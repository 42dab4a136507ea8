// @ts-check
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pack } from './install.mjs';
import { run, runTool } from './step.mjs';

/**
 * The checks in addition to the tests. Each needs the build.
 *
 * @type {{ title: string, check: () => Promise<unknown> }[]}
 */
export const checks = [
  {
    title: 'eslint',
    check: () => runTool('eslint', 'eslint/bin/eslint.js', ['.', '--max-warnings=0']),
  },
  {
    title: 'prettier',
    check: () =>
      runTool('prettier', 'prettier/bin/prettier.cjs', ['--check', '--log-level=warn', '.']),
  },
  {
    // Compiles the tests, the tools, and the type tests, whose expectations are types.
    title: 'types',
    check: () => runTool('types', 'typescript/bin/tsc', ['--project', 'tsconfig.check.json']),
  },
  {
    // A process of its own: what it imports is not installed yet when this file is loaded.
    title: 'structure',
    check: () => run('structure', process.execPath, ['tools/structure/check.mjs']),
  },
  {
    title: 'links',
    check: () => run('links', process.execPath, ['tools/docs/check-links.mjs']),
  },
  { title: 'packed packages', check: checkPackedPackages },
];

/** Checks the tarballs that would be published: the exports exist, and the types match them. */
async function checkPackedPackages() {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'mongo-offload-packed-'));
  try {
    for (const name of ['packages/worker', 'packages/core']) {
      const tarball = await pack(name, folder);
      await runTool(`publint ${name}`, 'publint/src/cli.js', ['run', tarball, '--strict'], {
        quiet: true,
      });
      // node10 has no exports maps, and this package needs a newer Node.
      await runTool(
        `attw ${name}`,
        '@arethetypeswrong/cli/dist/index.js',
        [tarball, '--profile', 'node16', '--no-color', '--no-emoji'],
        { quiet: true },
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
