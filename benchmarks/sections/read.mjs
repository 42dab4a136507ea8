import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { BSON } from 'mongodb';
import { measured } from '../measure/measured.mjs';
import { withClient } from '../side/with-client.mjs';
import { Witness } from './witness.mjs';

/** Number of documents whose content is compared between the sides, in addition to the witnesses. */
const comparedDocuments = 100;

/** Reads a whole collection in one of these ways, and reads each document, as an application would. */
const ways = {
  async toArray(cursor, witness) {
    for (const document of await cursor.toArray()) witness.look(document);
  },
  async forAwait(cursor, witness) {
    for await (const document of cursor) witness.look(document);
  },
  async batches(cursor, witness) {
    if (cursor.batches === undefined) return await bufferedDocuments(cursor, witness);
    for await (const documents of cursor.batches()) {
      for (const document of documents) witness.look(document);
    }
  },
  async stream(cursor, witness) {
    const stream = cursor.stream();
    stream.on('data', (document) => witness.look(document));
    await once(stream, 'end');
  },
};

/** Reads in batches with the native driver. */
async function bufferedDocuments(cursor, witness) {
  while (await cursor.hasNext()) {
    for (const document of cursor.readBufferedDocuments()) witness.look(document);
  }
}

export async function run(job) {
  return await withClient(job, async ({ db, restingMemory }) => {
    const { collection, way, documents, repeat = 1, lightDocuments, lazy = false } = job.settings;
    const ownOptions = lazy && job.side === 'ours' ? { offload: { lazy } } : {};
    const read = (limit) => async () => {
      const witness = new Witness();
      for (let round = 0; round < repeat; round++) {
        await ways[way](db.collection(collection).find({}, { limit, ...ownOptions }), witness);
      }
      return witness.seen;
    };
    const { witness, metrics } = await measured({
      unit: 'document',
      count: documents * repeat,
      work: read(documents),
      light: lightDocuments && { count: lightDocuments, work: read(lightDocuments) },
      restingMemory,
    });
    if (witness.documents !== documents * repeat) {
      throw new Error(`${witness.documents} documents were read, not ${documents * repeat}`);
    }
    const some = await db.collection(collection).find({}, { limit: comparedDocuments }).toArray();
    return { witness: { ...witness, content: digest(some) }, metrics };
  });
}

function digest(documents) {
  return createHash('sha1')
    .update(BSON.EJSON.stringify(documents, { relaxed: false }))
    .digest('hex');
}
