import { readDocument } from '../../data/official.mjs';

export async function findMany({ db, bulk, data }) {
  const { document, bytes } = readDocument('tweet', data);
  const corpus = db.collection('corpus');
  await corpus.insertMany(Array.from({ length: bulk }, () => ({ ...document })));
  return {
    unit: 'document',
    count: bulk,
    megabytes: (bytes * bulk) / 1e6,
    async work() {
      let read = 0;
      for await (const found of corpus.find()) if (found.text !== '') read += 1;
      return { read };
    },
  };
}

export function smallInsertMany(shared) {
  return insertInBulk('small', shared.bulk, shared, insertMany);
}

export function largeInsertMany(shared) {
  return insertInBulk('large', shared.largeOperations, shared, insertMany);
}

export function smallBulkWrite(shared) {
  return insertInBulk('small', shared.bulk, shared, bulkWrite);
}

export function largeBulkWrite(shared) {
  return insertInBulk('large', shared.largeOperations, shared, bulkWrite);
}

/** Makes an insert, a replacement and a deletion for each document. The score counts two of them. */
export function mixedBulkWrite(shared) {
  const plan = insertInBulk('small', shared.mixed, shared, async (corpus, documents) => {
    const models = documents.flatMap((document) => [
      { insertOne: { document } },
      { replaceOne: { filter: {}, replacement: { ...document } } },
      { deleteOne: { filter: {} } },
    ]);
    return await corpus.bulkWrite(models);
  });
  return { ...plan, unit: 'operation', count: plan.count * 3, megabytes: plan.megabytes * 2 };
}

function insertMany(corpus, documents) {
  return corpus.insertMany(documents);
}

function bulkWrite(corpus, documents) {
  return corpus.bulkWrite(documents.map((document) => ({ insertOne: { document } })));
}

function insertInBulk(kind, count, { db, data }, insert) {
  const { document, bytes } = readDocument(kind, data);
  let collections = 0;
  return {
    unit: 'document',
    count,
    megabytes: (bytes * count) / 1e6,
    prepare: async () => ({
      corpus: await db.createCollection(`corpus_${++collections}`),
      documents: Array.from({ length: count }, () => ({ ...document })),
    }),
    async work({ corpus, documents }) {
      const { insertedCount } = await insert(corpus, documents);
      return { insertedCount };
    },
  };
}
