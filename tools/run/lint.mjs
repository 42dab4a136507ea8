// @ts-check
import { build } from './build.mjs';
import { checks } from './checks.mjs';
import { program, say, secondsSince } from './step.mjs';

await program(async () => {
  await build();
  for (const { title, check } of checks) {
    const start = performance.now();
    await check();
    say(`✓ ${title} (${secondsSince(start)})`);
  }
});
