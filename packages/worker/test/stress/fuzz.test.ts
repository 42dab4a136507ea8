import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

const INPUTS = 40_000 * Number(process.env.MONGO_OFFLOAD_TEST_EFFORT ?? 1);
const run = promisify(execFile);

/** The command that `npm run fuzz` runs: in a process of its own, which can be ended when an input hangs it. */
function fuzz(...args: string[]) {
  return run(process.execPath, [
    '--require',
    'esbuild-register',
    path.join(__dirname, 'fuzz/main.ts'),
    ...args,
  ]);
}

describe('mutated documents', () => {
  it('are each the document that BSON.deserialize reads, or the same error', async () => {
    // Ever new inputs; the seed that is printed gives these again.
    const { stdout } = await fuzz('--count', String(INPUTS));
    const [, inputs, documents, errors] = /(\d+) inputs: (\d+) .*?, (\d+) the same error/.exec(
      stdout,
    )!;
    console.log(stdout.trimEnd());
    expect(Number(inputs)).toBe(INPUTS);
    expect(Number(documents) + Number(errors)).toBe(INPUTS);
    // Mutations that only ever gave garbage, or none, would prove little.
    expect(Number(documents)).toBeGreaterThan(INPUTS / 10);
    expect(Number(errors)).toBeGreaterThan(INPUTS / 2);
  });

  it('come again with the same seed', async () => {
    const [one, other] = await Promise.all([
      fuzz('--count', '1500', '--seed', '7'),
      fuzz('--count', '1500', '--seed', '7'),
    ]);
    const tableOf = ({ stdout }: { stdout: string }) => stdout.replace(/; \d+\.\d s/, '');
    expect(tableOf(one)).toBe(tableOf(other));
  });
});
