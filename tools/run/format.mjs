// @ts-check
import { install } from './install.mjs';
import { program, runTool } from './step.mjs';

await program(async () => {
  await install();
  const paths = process.argv.slice(2);
  await runTool('format', 'prettier/bin/prettier.cjs', [
    '--write',
    '--log-level=warn',
    ...(paths.length === 0 ? ['.'] : paths),
  ]);
});
