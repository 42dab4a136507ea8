// @ts-check
import { build } from './build.mjs';
import { program, run } from './step.mjs';

await program(async () => {
  await build();
  await run('demo', process.execPath, ['examples/side-by-side/main.mjs', ...process.argv.slice(2)]);
});
