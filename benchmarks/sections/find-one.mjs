import { idOf } from '../data/documents.mjs';
import { inFlight } from '../measure/in-flight.mjs';
import { measurePass, stallPass } from '../measure/pass.mjs';
import { operationMetrics } from '../measure/operation-metrics.mjs';
import { withClient } from '../side/sides.mjs';

/** Finds documents one by one by their `_id`, so many at a time. */
export async function run(job) {
  return await withClient(job, async (db) => {
    const { collection, documents, operations, width } = job.settings;
    const target = db.collection(collection);
    // A prime stride: neighbours in time are no neighbours on disk, and most documents get a turn.
    const ids = Array.from({ length: operations }, (_, number) =>
      idOf((number * 7919) % documents),
    );
    const latencies = new Float64Array(operations);
    let found = 0;
    const find = async (number) => {
      const start = performance.now();
      const document = await target.findOne({ _id: ids[number] });
      latencies[number] = performance.now() - start;
      if (document?.user.followers_count > 0) found += 1;
    };
    const findAll = () => inFlight(operations, width, find);

    await findAll();
    const witness = { found };
    const pass = await measurePass(findAll);
    const metrics = operationMetrics(operations, pass, latencies);
    return { witness, metrics: { ...metrics, ...(await stallPass(findAll)) } };
  });
}
