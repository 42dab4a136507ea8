import { once } from 'node:events';
import { measurePass, stallPass } from '../measure/pass.mjs';
import { withClient } from '../side/sides.mjs';

/** Reads a whole collection in one of these ways. Each looks at every document, as a program would. */
const ways = {
  async toArray(cursor) {
    const witness = newWitness();
    for (const document of await cursor.toArray()) look(witness, document);
    return witness;
  },
  async forAwait(cursor) {
    const witness = newWitness();
    for await (const document of cursor) look(witness, document);
    return witness;
  },
  async batches(cursor) {
    const witness = newWitness();
    for await (const documents of cursor.batches()) {
      for (const document of documents) look(witness, document);
    }
    return witness;
  },
  async stream(cursor) {
    const witness = newWitness();
    const stream = cursor.stream();
    stream.on('data', (document) => look(witness, document));
    await once(stream, 'end');
    return witness;
  },
};

export async function run(job) {
  return await withClient(job, async (db) => {
    const { collection, way } = job.settings;
    const read = () => ways[way](db.collection(collection).find());
    const witness = await read();
    const { result, wallMS, mainCpuMS, processCpuMS } = await measurePass(read);
    const stalls = await stallPass(read);
    const count = result.documents;
    return {
      witness,
      metrics: {
        mainCpuPerDocument: (mainCpuMS * 1000) / count,
        processCpuPerDocument: (processCpuMS * 1000) / count,
        documentsPerSecond: (count * 1000) / wallMS,
        ...stalls,
        peakMemory: process.resourceUsage().maxRSS / 1024,
      },
    };
  });
}

/** Both sides must have seen the same. */
function newWitness() {
  return { documents: 0, characters: 0, followers: 0 };
}

function look(witness, document) {
  witness.documents += 1;
  witness.characters += document.text.length;
  witness.followers += document.user.followers_count;
}
