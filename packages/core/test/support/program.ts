import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { uri } from './clients';

const run = promisify(execFile);

export interface ProgramOptions {
  env?: Record<string, string>;
  /** Flags for node. */
  flags?: string[];
}

/**
 * Runs a program in a process of its own, as a user would, and returns what it printed. The program must exit by
 * itself with code 0.
 *
 * @param body - statements of an async function, with `MongoClient`, `driver` and `uri` at hand
 */
export async function program(
  body: string,
  { env = {}, flags = [] }: ProgramOptions = {},
): Promise<string> {
  const source = `const { MongoClient, ...driver } = require(${JSON.stringify(require.resolve('@mongo-offload/core'))});
    const uri = ${JSON.stringify(uri())};
    (async () => { ${body} })();`;
  const { stdout } = await run(process.execPath, [...flags, '-e', source], {
    timeout: 100_000,
    env: { ...process.env, ...env },
  });
  return stdout;
}
