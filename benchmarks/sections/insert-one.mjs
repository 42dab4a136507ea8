import { documents } from '../data/documents.mjs';
import { readTweet } from '../data/tweet.mjs';
import { measurePass, stallPass } from '../measure/pass.mjs';
import { operationMetrics } from '../measure/operation-metrics.mjs';
import { withClient } from '../side/sides.mjs';

/** Inserts documents one by one, each when the one before it is acknowledged. */
export async function run(job) {
  return await withClient(job, async (db) => {
    const { operations, data } = job.settings;
    const { tweet } = readTweet(data);
    const target = db.collection('singly');
    const latencies = new Float64Array(operations);
    const insert = async (prepared) => {
      for (const [number, document] of prepared.entries()) {
        const start = performance.now();
        await target.insertOne(document);
        latencies[number] = performance.now() - start;
      }
    };
    const prepare = () => documents(tweet, 0, operations, { withId: false });

    await insert(prepare());
    const first = prepare();
    const pass = await measurePass(() => insert(first));
    const metrics = operationMetrics(operations, pass, latencies);
    const second = prepare();
    const stalls = await stallPass(() => insert(second));
    const inserted = await target.countDocuments();
    await db.dropDatabase();
    return { witness: { inserted }, metrics: { ...metrics, ...stalls } };
  });
}
