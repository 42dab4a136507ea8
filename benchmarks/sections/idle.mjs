import { setTimeout as sleep } from 'node:timers/promises';
import { withClient } from '../side/with-client.mjs';

/** Measures the memory of a connected client while nothing happens. */
export async function run(job) {
  return await withClient(job, async ({ db }) => {
    // Enough commands at once to give each worker one.
    await Promise.all(Array.from({ length: 16 }, () => db.command({ ping: 1 })));
    await sleep(job.settings.waitMS);
    globalThis.gc?.();
    await sleep(job.settings.waitMS);
    return { witness: {}, metrics: { residentMemory: process.memoryUsage.rss() / 2 ** 20 } };
  });
}
