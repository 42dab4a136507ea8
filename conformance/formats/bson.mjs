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
  const documents = tests.map(({ canonical_bson: hex }, _id) => ({
    _id,
    value: deserialize(Buffer.from(hex, 'hex'), { promoteValues: false, bsonRegExp: true }),
  }));
  const given = await store(documents, internal, internal);
  const client = new driver.MongoClient(uri);
  const problems = [];
  const compare = (what, actual, expected) => {
    for (const [index, { description }] of tests.entries()) {
      const same = isDeepStrictEqual(actual[index], expected[index]);
      if (!same) problems.push(`${description}: ${what}`);
    }
  };
  try {
    for (const options of waysToRead) {
      const actual = await read(client, options);
      const expected = options.raw ? given : given.map((bytes) => decode(bytes, options));
      compare(`read with ${JSON.stringify(options)}`, actual, expected);
    }
    compare('written', await store(documents, client, internal), given);
  } finally {
    await client.close();
  }
  if (problems.length > 0) throw new Mismatch(problems.join('; '));
}

const collectionOf = (client) => client.db('bson').collection('documents');

const read = (client, options) =>
  collectionOf(client)
    .find({}, { ...options, sort: { _id: 1 } })
    .toArray();

/** Writes documents with a client and gives, by another, the bytes that the server then has. */
async function store(documents, writer, reader) {
  await collectionOf(reader).deleteMany({});
  await collectionOf(writer).insertMany(documents);
  return read(reader, { raw: true });
}

function decode(bytes, { enableUtf8Validation, ...options }) {
  return deserialize(bytes, {
    ...options,
    ...(enableUtf8Validation === false && { validation: { utf8: false } }),
  });
}
