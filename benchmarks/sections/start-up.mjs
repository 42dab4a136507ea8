import { clientFor, load } from '../side/sides.mjs';

/** Measures import, first answer and close in a new process, without warm-up. */
export async function run(job) {
  const start = performance.now();
  const module = await load(job.side);
  const loaded = performance.now();
  const client = clientFor(module, job);
  await client.db(job.database).collection(job.settings.collection).findOne({});
  const answered = performance.now();
  await client.close();
  const closed = performance.now();
  return {
    witness: {},
    metrics: {
      importTime: loaded - start,
      firstOperation: answered - loaded,
      closeTime: closed - answered,
    },
  };
}
