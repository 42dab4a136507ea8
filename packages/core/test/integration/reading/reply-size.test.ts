import { MongoClient } from '@mongo-offload/core';
import * as native from 'mongodb';

import { uri } from '../../support/clients';

const DOCUMENTS = 8_000;
const BYTES = 1_000;
const MEGABYTE = 1_000_000;

interface GetMore {
  batchSize: number | undefined;
  bytes: number;
}

const dbName = `reply_size_${process.pid}`;
let admin: native.MongoClient;
let client: MongoClient;

beforeAll(async () => {
  admin = new native.MongoClient(uri());
  const documents = Array.from({ length: DOCUMENTS }, (_, n) => ({ n, text: 'x'.repeat(BYTES) }));
  await admin.db(dbName).collection('many').insertMany(documents);
  await admin
    .db(dbName)
    .collection('large')
    .insertMany(Array.from({ length: 12 }, (_, n) => ({ n, bytes: Buffer.alloc(3 * MEGABYTE) })));
});
beforeEach(async () => {
  client = new MongoClient(uri());
  await admin.db(dbName).command({ profile: 2 });
});
afterEach(async () => {
  await client.close();
  await admin.db(dbName).command({ profile: 0 });
  await admin.db(dbName).collection('system.profile').drop();
});
afterAll(async () => {
  await admin.db(dbName).dropDatabase();
  await admin.close();
});

/** What the server was asked for behind the first batches, in order. */
async function getMores(): Promise<GetMore[]> {
  const profile = admin.db(dbName).collection('system.profile');
  const entries = await profile.find({ op: 'getmore' }, { sort: { ts: 1 } }).toArray();
  return entries.map(({ command, responseLength }) => ({
    batchSize: (command as { batchSize?: number }).batchSize,
    bytes: responseLength as number,
  }));
}

function many(options?: native.FindOptions): native.FindCursor<native.WithId<{ n: number }>> {
  return client.db(dbName).collection<{ n: number }>('many').find({}, options);
}

async function numbersOf(documents: AsyncIterable<{ n: number }>): Promise<number[]> {
  const numbers: number[] = [];
  for await (const { n } of documents) numbers.push(n);
  return numbers.sort((a, b) => a - b);
}

const ALL = Array.from({ length: DOCUMENTS }, (_, n) => n);

describe('a result that is read as it comes', () => {
  test.each<[string, () => AsyncIterable<{ n: number }>]>([
    ['find()', () => many()],
    [
      'aggregate()',
      () =>
        client
          .db(dbName)
          .collection('many')
          .aggregate<{ n: number }>([{ $match: {} }]),
    ],
  ])('%s comes in replies of a megabyte or two', async (_, open) => {
    expect(await numbersOf(open())).toStrictEqual(ALL);
    const asked = await getMores();
    expect(asked.length).toBeGreaterThanOrEqual((DOCUMENTS * BYTES) / (2 * MEGABYTE));
    for (const { bytes } of asked) expect(bytes).toBeLessThan(2 * MEGABYTE);
    // All but the last bring what is worth a command.
    for (const { bytes } of asked.slice(0, -1)) expect(bytes).toBeGreaterThan(MEGABYTE);
  });

  test('where the program says how many documents, as many', async () => {
    expect(await numbersOf(many({ batchSize: 3_000 }))).toStrictEqual(ALL);
    expect((await getMores()).map(({ batchSize }) => batchSize)).toStrictEqual([3_000, 3_000]);
  });

  test('it keeps its limit', async () => {
    const documents = await numbersOf(many({ limit: 5_000, sort: { n: 1 } }));
    expect(documents).toStrictEqual(ALL.slice(0, 5_000));
  });

  test('where someone listens to commands, they are those of the driver', async () => {
    client = new MongoClient(uri(), { monitorCommands: true });
    const commands: unknown[] = [];
    client.on('commandStarted', ({ command, commandName }) => {
      if (commandName === 'getMore') commands.push(command.batchSize);
    });
    expect(await numbersOf(many())).toStrictEqual(ALL);
    expect(commands).toStrictEqual([undefined]);
    expect((await getMores()).map(({ batchSize }) => batchSize)).toStrictEqual([undefined]);
  });

  test('of large documents, a reply has a few', async () => {
    const large = client.db(dbName).collection<{ n: number }>('large').find({}, { batchSize: 1 });
    // The program's number is of the first batch as well; without it the first fills 16 MB.
    expect(await numbersOf(large)).toHaveLength(12);
    const unsaid = client.db(dbName).collection<{ n: number }>('large').find();
    expect(await numbersOf(unsaid)).toHaveLength(12);
    const asked = (await getMores()).slice(-2);
    expect(asked.map(({ batchSize }) => batchSize)).toStrictEqual([4, 4]);
  });
});

test('a result that is kept as a whole comes in larger replies', async () => {
  expect(await many().toArray()).toHaveLength(DOCUMENTS);
  const asked = await getMores();
  expect(asked).toHaveLength(3);
  for (const { bytes } of asked) expect(bytes).toBeLessThan(4 * MEGABYTE);
});

test('one that is rewound and then read as it comes, in small ones again', async () => {
  const cursor = many();
  await cursor.toArray();
  const before = (await getMores()).length;
  cursor.rewind();
  expect(await numbersOf(cursor)).toStrictEqual(ALL);
  for (const { bytes } of (await getMores()).slice(before))
    expect(bytes).toBeLessThan(2 * MEGABYTE);
});
