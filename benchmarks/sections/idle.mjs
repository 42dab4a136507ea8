import { setTimeout as sleep } from 'node:timers/promises';
import { withClient } from '../side/with-client.mjs';

/** What a connected client holds while nothing happens. */
export async function run(job) {
  return await withClient(job, async ({ db }) => {
    // As many at once as give each worker something to do, so that none is left out.
    await Promise.all(Array.from({ length: 16 }, () => db.command({ ping: 1 })));
    await sleep(job.settings.waitMS);
    globalThis.gc?.();
    await sleep(job.settings.waitMS);
    return { witness: {}, metrics: { residentMemory: process.memoryUsage.rss() / 2 ** 20 } };
  });
}
