import fc from 'fast-check';
import type * as native from 'mongodb';

import { openClients, type Clients, type Side } from '../../support/clients';
import { runs } from '../../support/effort';

/* Whatever a bulk write is made of, its result or error, and what the server stores, are those of the driver. */

/* eslint-disable @typescript-eslint/no-explicit-any -- much of this is what no type allows */

let clients: Clients;
beforeAll(() => (clients = openClients()));
afterAll(async () => await clients.close());

const ids = fc.integer({ min: 0, max: 5 });
const documents = fc.record({ _id: ids, a: fc.integer({ min: 0, max: 3 }) }, { requiredKeys: [] });
const filters = fc.oneof(
  fc.record({ _id: ids }),
  fc.record({ a: fc.integer({ min: 0, max: 3 }) }),
  fc.constantFrom({}, { $bad: 1 }),
);
const updates: fc.Arbitrary<any> = fc.constantFrom(
  { $inc: { a: 1 } },
  { $set: { b: 'x' } },
  { $push: { a: 1 } },
  [{ $set: { c: '$a' } }],
  { b: 1 },
  {},
  null,
);
const replacements: fc.Arbitrary<any> = fc.constantFrom({ r: 1 }, { _id: 9, r: 1 }, { $set: {} });
const upsert = fc.boolean();
const updating = { requiredKeys: ['filter', 'update'] as ('filter' | 'update')[] };

const models: fc.Arbitrary<any> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ insertOne: fc.record({ document: documents }) }) },
  fc.record({ updateOne: fc.record({ filter: filters, update: updates, upsert }, updating) }),
  fc.record({ updateMany: fc.record({ filter: filters, update: updates, upsert }, updating) }),
  fc.record({
    replaceOne: fc.record({ filter: filters, replacement: replacements, upsert }),
  }),
  fc.record({ deleteOne: fc.record({ filter: filters }) }),
  fc.record({ deleteMany: fc.record({ filter: filters }) }),
  fc.constantFrom({}, { nope: {} }, null, { insertOne: {}, deleteOne: {} }),
);

/** Those that are sent as the bytes that they came in, and others that look like them. */
const inserts: fc.Arbitrary<any> = fc.oneof(
  { weight: 20, arbitrary: fc.record({ insertOne: fc.record({ document: documents }) }) },
  fc.record({ insertOne: documents }),
  fc.constantFrom(
    { insertOne: { document: { _id: Buffer.from('id'), nested: { list: [{ a: 1 }] } } } },
    { insertOne: { document: null } },
    { insertOne: { document: [] } },
    { insertOne: { document: { _id: 4 }, more: 1 } },
    { insertOne: { document: { _id: 4 } }, deleteOne: { filter: {} } },
  ),
);

type Step = (bulk: native.BulkOperationBase) => unknown;

/** What is called on a bulk operation that is built step by step. */
const steps: fc.Arbitrary<Step> = fc.oneof(
  documents.map(
    (document): Step =>
      (bulk) =>
        bulk.insert({ ...document }),
  ),
  fc
    .tuple(filters, updates, upsert, fc.constantFrom('update', 'updateOne', 'replaceOne'))
    .map(([filter, update, upserts, name]): Step => (bulk) => {
      const found = bulk.find({ ...filter });
      return (upserts ? found.upsert() : found)[name as 'update'](structuredClone(update));
    }),
  fc.tuple(filters, fc.constantFrom('delete', 'deleteOne')).map(
    ([filter, name]): Step =>
      (bulk) =>
        bulk.find({ ...filter })[name as 'delete'](),
  ),
  models.map(
    (model): Step =>
      (bulk) =>
        bulk.raw(structuredClone(model)),
  ),
);

async function compare(write: (on: native.Collection<any>) => Promise<unknown>): Promise<void> {
  const outcomes: unknown[] = [];
  for (const side of [clients.ours, clients.native]) outcomes.push(await written(side, write));
  expect(outcomes[0]).toStrictEqual(outcomes[1]);
}

/** What a write came to, and what the collection holds behind it. */
async function written(
  { db }: Side<native.MongoClient>,
  write: (on: native.Collection<any>) => Promise<unknown>,
): Promise<unknown> {
  const things = db.collection<any>('things');
  await things.deleteMany({});
  await things.insertMany([0, 1, 2].map((_id) => ({ _id, a: _id })));
  const came = await write(things).then(
    (value) => ({ value }),
    (error: unknown) => {
      const { name, message, code, result, writeErrors } = error as native.MongoBulkWriteError;
      return { name, message, code, result, writeErrors };
    },
  );
  return JSON.parse(
    JSON.stringify([came, await things.find().sort({ _id: 1 }).toArray()]).replace(
      /[0-9a-f]{24}/g,
      'id',
    ),
  );
}

test.each([
  ['of all kinds', models],
  ['that insert', inserts],
])(
  'bulkWrite of operations %s',
  async (_kind, operations) => {
    const options = fc.record(
      { ordered: fc.boolean(), ignoreUndefined: fc.boolean(), forceServerObjectId: fc.boolean() },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(operations, { maxLength: 6 }), options, async (list, how) => {
        await compare((things) => things.bulkWrite(structuredClone(list), { ...how }));
      }),
      runs(60),
    );
  },
  600_000,
);

test.each([
  { updateOne: { filter: { _id: 1 }, update: { $set: { _id: Buffer.from('bytes') } } } },
  { replaceOne: { filter: { _id: 1 }, replacement: { _id: 2n }, upsert: true } },
  { deleteOne: { filter: { $bad: [1, new Date(5), Buffer.from('bytes')] }, hint: { a: 1 } } },
  { insertOne: { document: { _id: 1, bytes: Buffer.from('bytes') } } },
] as native.AnyBulkWriteOperation[])(
  'the error of a bulk write shows the operation %j as it was given',
  async (operation) => {
    const shown = async ({ db }: Side<native.MongoClient>, built: boolean): Promise<unknown> => {
      const things = db.collection<any>('things');
      await things.deleteMany({});
      await things.insertOne({ _id: 1 });
      const write = built
        ? things.initializeOrderedBulkOp().raw(operation).execute()
        : things.bulkWrite([operation]);
      const error: unknown = await write.catch((thrown: unknown) => thrown);
      const [{ index, code, err }] = [(error as native.MongoBulkWriteError).writeErrors].flat();
      return { index, code, op: err.op as unknown };
    };
    for (const built of [false, true]) {
      const [ours, theirs] = [await shown(clients.ours, built), await shown(clients.native, built)];
      expect(ours).toStrictEqual(theirs);
    }
  },
);

test('insertMany', async () => {
  const options = fc.record({ ordered: fc.boolean() }, { requiredKeys: [] });
  await fc.assert(
    fc.asyncProperty(fc.array(documents, { maxLength: 6 }), options, async (list, how) => {
      await compare((things) => things.insertMany(structuredClone(list), { ...how }));
    }),
    runs(40),
  );
}, 600_000);

test('bulk operations that are built step by step', async () => {
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.array(steps, { maxLength: 5 }), async (ordered, built) => {
      await compare(async (things) => {
        const bulk = ordered
          ? things.initializeOrderedBulkOp()
          : things.initializeUnorderedBulkOp();
        const refused = built.map((step) => {
          try {
            step(bulk);
            return [bulk.length, bulk.batches.length];
          } catch (error) {
            return [(error as Error).name, (error as Error).message];
          }
        });
        return [refused, await bulk.execute()];
      });
    }),
    runs(60),
  );
}, 600_000);
