import { readDocument } from '../../data/official.mjs';

/** The size of `{ hello: true }` as BSON. */
const helloBytes = 13;

/** Operations in the sampling pass of a long task. */
const lightOperations = 2_000;

export function runCommand({ db, operations, warmUpOperations }) {
  const plan = singly(operations, helloBytes, async () => {
    const { ok } = await db.command({ hello: true });
    return ok === 1;
  });
  return { ...plan, warmUp: plan.run(warmUpOperations) };
}

export async function findOneById({ db, operations, warmUpOperations, data }) {
  const { document, bytes } = readDocument('tweet', data);
  const corpus = db.collection('corpus');
  await corpus.insertMany(
    Array.from({ length: operations }, (_, i) => ({ _id: i + 1, ...document })),
  );
  const plan = singly(operations, bytes, async (number) => {
    const _id = (number % operations) + 1;
    const found = await corpus.findOne({ _id });
    return found?._id === _id;
  });
  return { ...plan, warmUp: plan.run(warmUpOperations) };
}

export function smallInsertOne(shared) {
  return insertSingly('small', shared.operations, shared);
}

export function largeInsertOne(shared) {
  return insertSingly('large', shared.largeOperations, shared);
}

function insertSingly(kind, operations, { db, data }) {
  const { document, bytes } = readDocument(kind, data);
  let collections = 0;
  return {
    ...singly(operations, bytes, async (_, { corpus, documents }) => {
      const { acknowledged } = await corpus.insertOne(documents.pop());
      return acknowledged;
    }),
    // The driver adds an `_id` to each document, so each can be inserted only once.
    prepare: async () => ({
      corpus: await db.createCollection(`corpus_${++collections}`),
      documents: Array.from({ length: operations }, () => ({ ...document })),
    }),
  };
}

function singly(operations, bytes, operation) {
  const run = (count) => async (prepared) => {
    let succeeded = 0;
    for (let number = 0; number < count; number++) {
      if (await operation(number, prepared)) succeeded += 1;
    }
    return { succeeded };
  };
  const light = Math.min(operations, lightOperations);
  return {
    run,
    unit: 'operation',
    count: operations,
    megabytes: (bytes * operations) / 1e6,
    work: run(operations),
    light: { count: light, work: run(light) },
  };
}
