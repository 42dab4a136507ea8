// @ts-check
import { build } from './build.mjs';
import { program, run } from './step.mjs';

await program(async () => {
  await build();
  await run('bench', process.execPath, ['benchmarks/main.mjs', ...process.argv.slice(2)]);
});
