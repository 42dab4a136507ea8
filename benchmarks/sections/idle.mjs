import { setTimeout as sleep } from 'node:timers/promises';
import { withClient } from '../side/sides.mjs';

/** What a connected client holds while nothing happens. */
export async function run(job) {
  return await withClient(job, async (db) => {
    await db.command({ ping: 1 });
    await sleep(job.settings.waitMS);
    globalThis.gc?.();
    await sleep(job.settings.waitMS);
    return { witness: {}, metrics: { residentMemory: process.memoryUsage.rss() / 2 ** 20 } };
  });
}
