import { isDeepStrictEqual } from 'node:util';
import mongodb from 'mongodb';
import { Mismatch } from './outcome.mjs';

const { deserialize } = mongodb.BSON;

const isCorpus = (content) => Array.isArray(content.valid) && content.bson_type !== undefined;
const isVector = (content) => content.tests?.[0]?.dtype_hex !== undefined;

/** Whether a file has documents as BSON. */
export const isBson = (content) => isCorpus(content) || isVector(content);

/** Every way of reading that changes what a value becomes. */
const waysToRead = [
  {},
  { promoteValues: false },
  { promoteLongs: false },
  { promoteBuffers: true },
  { useBigInt64: true },
  { bsonRegExp: true },
  { enableUtf8Validation: false },
  { fieldsAsRaw: { value: true } },
  { raw: true },
];

/**
 * One case for the documents of a file: a driver reads each from the server as `BSON.deserialize` does,
 * whatever the options, and writes it as the bytes that it is.
 */
export function bsonCases(content) {
  const tests = isCorpus(content) ? content.valid : content.tests.filter(({ valid }) => valid);
  if (tests.length === 0) return [];
  return [
    {
      description: 'documents are read and written as BSON says',
      run: (context) => expectDocuments(tests, context),
    },
  ];
}

async function expectDocuments(tests, { driver, uri, internal }) {
  const client = new driver.MongoClient(uri);
  const problems = [];
  try {
    for (const { description, canonical_bson: hex } of tests) {
      const value = deserialize(Buffer.from(hex, 'hex'), {
        promoteValues: false,
        bsonRegExp: true,
      });
      const given = await store(internal.db('bson').collection('given'), value);
      const document = client.db('bson').collection('given');
      for (const options of waysToRead) {
        if (!(await readsAs(given, document, options))) {
          problems.push(`${description}: read with ${JSON.stringify(options)}`);
        }
      }
      const written = await store(client.db('bson').collection('written'), value, internal);
      if (!written.equals(given)) problems.push(`${description}: written`);
    }
  } finally {
    await client.close();
  }
  if (problems.length > 0) throw new Mismatch(problems.join('; '));
}

/** Writes a value with a collection and gives the bytes that the server then has. */
async function store(collection, value, reader = collection.client) {
  const { dbName, collectionName } = collection;
  await reader.db(dbName).collection(collectionName).deleteMany({});
  await collection.insertOne({ _id: 1, value });
  const bytes = await reader
    .db(dbName)
    .collection(collectionName)
    .findOne({ _id: 1 }, { raw: true });
  return Buffer.from(bytes);
}

async function readsAs(bytes, collection, options) {
  const actual = await collection.findOne({ _id: 1 }, options);
  if (options.raw) return bytes.equals(actual);
  const { enableUtf8Validation, ...rest } = options;
  const expected = deserialize(bytes, {
    ...rest,
    ...(enableUtf8Validation === false && { validation: { utf8: false } }),
  });
  return isDeepStrictEqual(actual, expected);
}
