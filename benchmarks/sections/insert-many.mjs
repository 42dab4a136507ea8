import { documents } from '../data/documents.mjs';
import { readDocument } from '../data/official.mjs';
import { measured } from '../measure/measured.mjs';
import { withClient } from '../side/with-client.mjs';

/** Inserts all documents by one call into an empty collection. */
export async function run(job) {
  return await withClient(job, async ({ db, restingMemory }) => {
    const { count, data } = job.settings;
    const { document } = readDocument('tweet', data);
    let collections = 0;
    const outcome = await measured({
      unit: 'document',
      count,
      restingMemory,
      // Making the documents and the collection is not measured.
      prepare: async () => ({
        target: await db.createCollection(`inserted_${++collections}`),
        prepared: documents(document, 0, count, { withId: false }),
      }),
      async work({ target, prepared }) {
        const { insertedCount } = await target.insertMany(prepared);
        return { inserted: insertedCount };
      },
    });
    await db.dropDatabase();
    return outcome;
  });
}
