// @ts-check
import { build } from './build.mjs';
import { program, run } from './step.mjs';

await program(async () => {
  await build();
  await run('fuzz', process.execPath, [
    '--require',
    'esbuild-register',
    'packages/worker/test/stress/fuzz/main.ts',
    ...process.argv.slice(2),
  ]);
});
