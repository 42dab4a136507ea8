// @ts-check
import { build } from './build.mjs';
import { program, run } from './step.mjs';

await program(async () => {
  await build();
  await run('soak', process.execPath, [
    '--expose-gc',
    'tools/soak/main.mjs',
    ...process.argv.slice(2),
  ]);
});
