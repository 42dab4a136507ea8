import { inFlight } from '../measure/in-flight.mjs';
import { measured } from '../measure/measured.mjs';
import { withClient } from '../side/with-client.mjs';

/** The number of documents, from all over the collection, that are read again and again. */
const differentDocuments = 2_000;

/** Finds documents of the user's own collection by their `_id`. */
export async function run(job) {
  return await withClient(job, async ({ db, restingMemory }) => {
    const { collection, operations, warmUp, width } = job.settings;
    const target = db.collection(collection);
    const limit = Math.min(differentDocuments, operations);
    const some = await target.find({}, { projection: { _id: 1 }, limit }).toArray();
    const latencies = new Float64Array(operations);
    const read = (count) => async () => {
      let found = 0;
      await inFlight(count, width, async (number) => {
        const start = performance.now();
        const { _id } = some[(number * 7919) % some.length];
        const document = await target.findOne({ _id });
        latencies[number % operations] = performance.now() - start;
        if (document !== null) found += 1;
      });
      return { found };
    };
    return await measured({
      unit: 'operation',
      count: operations,
      restingMemory,
      latencies,
      warmUp: read(warmUp),
      work: read(operations),
    });
  });
}
