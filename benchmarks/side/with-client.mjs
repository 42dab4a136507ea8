import { memoryAtRest } from '../measure/memory.mjs';
import { clientFor, load } from './sides.mjs';

/**
 * Runs `work` with a connected client of the job's side.
 *
 * @template Result
 * @param {object} job
 * @param {(connected: { db: object, client: object, module: object, restingMemory: number }) => Promise<Result>} work
 *   `restingMemory`: resident megabytes of the connected client before any work
 * @param {object} [options] of the client
 * @returns {Promise<Result>}
 */
export async function withClient(job, work, options) {
  const module = await load(job.side);
  const client = clientFor(module, job, options);
  try {
    await client.connect();
    const db = client.db(job.database);
    // The first operation starts the threads and connections that an idle client holds.
    await db.command({ ping: 1 });
    return await work({ db, client, module, restingMemory: await memoryAtRest() });
  } finally {
    await client.close();
  }
}
