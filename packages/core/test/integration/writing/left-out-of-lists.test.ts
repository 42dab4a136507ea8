import { ObjectId, type Collection } from 'mongodb';

import { openClients, type Clients } from '../../support/clients';

// bson omits functions and symbols from lists and does not renumber the elements after them. The test reads the list's
// keys at the server, for calls that are sent as bytes and for those that a worker decodes.

let clients: Clients;

beforeAll(() => {
  clients = openClients();
});
afterAll(async () => {
  await clients.close();
});

type Rows = Collection;
const list = (): unknown[] => [
  () => 0,
  'one',
  Symbol('two'),
  { nested: [() => 0, 1, undefined] },
  undefined,
  () => 5,
];
const _id = new ObjectId('c'.repeat(24));

const ways: Record<string, (on: Rows) => Promise<unknown>> = {
  insertOne: (on) => on.insertOne({ _id, list: list() }),
  'insertOne, its keys checked': (on) => on.insertOne({ _id, list: list() }, { checkKeys: true }),
  insertMany: (on) => on.insertMany([{ _id, list: list() }]),
  replaceOne: (on) => on.replaceOne({ _id }, { list: list() }, { upsert: true }),
  updateOne: (on) => on.updateOne({ _id }, { $set: { list: list() } }, { upsert: true }),
  findOneAndUpdate: (on) =>
    on.findOneAndUpdate({ _id }, { $set: { list: list() } }, { upsert: true }),
  bulkWrite: (on) =>
    on.bulkWrite([
      { updateOne: { filter: { _id }, update: { $set: { list: list() } }, upsert: true } },
    ]),
  'a bulk operation': (on) => {
    const bulk = on.initializeOrderedBulkOp();
    bulk.find({ _id }).upsert().replaceOne({ list: list() });
    return bulk.execute();
  },
  command: async (on) => {
    await on.db.command({
      insert: on.collectionName,
      documents: [{ _id, list: list() }],
    });
  },
  'a pipeline': async (on) => {
    await on.insertOne({ _id });
    const into = on.collectionName;
    const stages = [
      { $match: { _id } },
      { $set: { list: { $literal: list() } } },
      { $merge: { into } },
    ];
    await on.aggregate(stages).toArray();
  },
};

const settings = [{}, { ignoreUndefined: true }, { serializeFunctions: true }];

describe.each(settings)('with %j', (options) => {
  test.each(Object.entries(ways))('%s', async (_, write) => {
    const stored: string[] = [];
    for (const { db } of [clients.native, clients.ours]) {
      const on = db.collection('lists', options);
      await on.deleteMany({});
      const outcome = await write(on).then(
        () => 'written',
        (error: unknown) => `${(error as Error).name}: ${(error as Error).message}`,
      );
      const bytes = (await clients.native.db
        .collection('lists')
        .findOne({ _id }, { raw: true })) as Uint8Array | null;
      stored.push(`${outcome} ${Buffer.from(bytes ?? []).toString('hex')}`);
    }
    expect(stored[1]).toBe(stored[0]);
    expect(stored[0].length).toBeGreaterThan(40);
  });
});
