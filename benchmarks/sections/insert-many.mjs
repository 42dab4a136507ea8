import { documents } from '../data/documents.mjs';
import { readTweet } from '../data/tweet.mjs';
import { measurePass, stallPass } from '../measure/pass.mjs';
import { withClient } from '../side/sides.mjs';

/** Inserts all documents by one call into an empty collection. */
export async function run(job) {
  return await withClient(job, async (db) => {
    const { count, data } = job.settings;
    const { tweet } = readTweet(data);
    const insert = async (prepared) => {
      const { insertedCount } = await prepared.target.insertMany(prepared.documents);
      return insertedCount;
    };
    // Making the documents and the collection is not what is measured.
    const prepare = async (name) => ({
      target: await db.createCollection(name),
      documents: documents(tweet, 0, count, { withId: false }),
    });

    await insert(await prepare('warm_up'));
    const first = await prepare('measured');
    const pass = await measurePass(() => insert(first));
    const second = await prepare('watched');
    const stalls = await stallPass(() => insert(second));
    await db.dropDatabase();
    return {
      witness: { inserted: pass.result },
      metrics: {
        mainCpuPerDocument: (pass.mainCpuMS * 1000) / count,
        processCpuPerDocument: (pass.processCpuMS * 1000) / count,
        documentsPerSecond: (count * 1000) / pass.wallMS,
        ...stalls,
      },
    };
  });
}
