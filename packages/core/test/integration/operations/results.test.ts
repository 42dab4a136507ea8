import * as native from 'mongodb';

import { openClients, type Clients } from '../../support/clients';
import { outcomes } from '../../support/outcome';

/* The form of results: their keys and the keys' order, and what options make of their values. */

/* eslint-disable @typescript-eslint/no-explicit-any -- ids are numbers here */

let clients: Clients;
beforeAll(() => (clients = openClients()));
afterAll(async () => await clients.close());
beforeEach(begin);

async function begin(): Promise<void> {
  const collection = clients.native.db.collection<any>('c');
  await collection.deleteMany({});
  await collection.insertMany([
    { _id: 1, a: 1, n: { x: [1] }, long: native.Long.fromNumber(5) },
    { _id: 2, a: 2, n: { x: [2] }, long: native.Long.fromNumber(6) },
  ]);
}

const forms: native.CommandOperationOptions[] = [
  {},
  { raw: true },
  { promoteValues: false },
  { promoteLongs: false },
  { useBigInt64: true },
];

/** Class names and the order of keys count as well. */
function form(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, form(item)]);
  return [value.constructor.name, entries];
}

type Call = (collection: native.Collection<any>, options: any) => Promise<unknown>;

const calls: Record<string, Call> = {
  insertMany: (c, options) => c.insertMany([{ _id: 3 }, { _id: 4 }], options),
  updateOne: (c, options) => c.updateOne({ _id: 1 }, { $set: { a: 5 } }, options),
  'updateOne, upserted': (c, options) =>
    c.updateOne({ _id: 7 }, { $set: { a: 5 } }, { ...options, upsert: true }),
  updateMany: (c, options) => c.updateMany({}, { $set: { a: 5 } }, options),
  replaceOne: (c, options) => c.replaceOne({ _id: 1 }, { a: 5 }, options),
  deleteOne: (c, options) => c.deleteOne({ _id: 1 }, options),
  deleteMany: (c, options) => c.deleteMany({}, options),
  count: (c, options) => c.count({}, options),
  countDocuments: (c, options) => c.countDocuments({}, options),
  estimatedDocumentCount: (c, options) => c.estimatedDocumentCount(options),
  'count of a cursor': (c, options) => c.find({}, options).count(),
  distinct: (c, options) => c.distinct('n', {}, options),
  findOneAndUpdate: (c, options) => c.findOneAndUpdate({ _id: 1 }, { $set: { a: 5 } }, options),
  'findOneAndUpdate with metadata': async (c, options) => {
    const all = { ...options, includeResultMetadata: true };
    const result = await c.findOneAndUpdate({ _id: 1 }, { $set: { a: 5 } }, all);
    return { ok: result?.ok, lastErrorObject: result?.lastErrorObject, value: result?.value };
  },
  'a bulk operation, upserted': async (c, options) => {
    await c.countDocuments();
    const bulk = c.initializeOrderedBulkOp(options);
    bulk
      .find({ _id: 7 })
      .upsert()
      .updateOne({ $set: { a: 5 } });
    return (await bulk.execute()).upsertedIds;
  },
  bulkWrite: (c, options) =>
    c.bulkWrite([{ insertOne: { document: { _id: 3 } } }, { deleteOne: { filter: {} } }], options),
};

describe.each(Object.entries(calls))('%s gives what the driver gives', (_, call) => {
  test.each(forms)('with %j', async (options) => {
    const { ours, driver } = await outcomes(clients, async ({ db }) => {
      await begin();
      return form(await call(db.collection('c'), options));
    });
    expect(ours).toStrictEqual(driver);
  });
});

test.each(forms)('a command’s reply with %j', async (options) => {
  const { ours, driver } = await outcomes(clients, async ({ db }) =>
    form(await db.command({ count: 'c' }, options)),
  );
  const withoutTimes = (result: unknown): string =>
    JSON.stringify(result, (_, value: unknown) =>
      typeof value === 'bigint' ? `${value}n` : value,
    );
  const names = (text: string): string => text.replace(/"\$clusterTime".*/, '');
  expect(names(withoutTimes(ours))).toBe(names(withoutTimes(driver)));
});

test.each([{}, { promoteValues: false }, { raw: true }])(
  'the reply to a validation is the driver’s own, not decoded, with %j',
  async (options) => {
    const { ours, driver } = await outcomes(clients, async ({ db }) => {
      const reply: any = await db.admin().validateCollection('c', options);
      return [reply.constructor.name, reply.ok, reply.toObject().valid, reply.toObject().ns];
    });
    expect(ours).toMatchObject({ value: ['MongoDBResponse', 1, true, expect.any(String)] });
    expect(ours).toStrictEqual(driver);
  },
);

test.each([{ promoteValues: false }, { useBigInt64: true, promoteLongs: false }])(
  'what does not inherit a database’s %j',
  async (options) => {
    const { ours, driver } = await outcomes(clients, async ({ client }) => {
      const db = client.db(clients.dbName, options);
      const filter = { name: clients.dbName };
      const error = await db.renameCollection('none', 'c').catch((e: unknown) => e as any);
      const { databases, ok } = await db.admin().listDatabases({ nameOnly: true, filter });
      const { name, code, errorLabels, errorResponse } = error;
      return form([databases, ok, name, code, errorLabels, errorResponse.ok]);
    });
    expect(ours).toStrictEqual(driver);
  },
);

test('a write that is not acknowledged has the same keys in the same order', async () => {
  const writeConcern = { w: 0 };
  const { ours, driver } = await outcomes(clients, async ({ db }) => {
    // Of its own: such a write may reach the server when the next test has begun.
    const collection = db.collection<any>('unacknowledged');
    return form([
      await collection.updateOne({ _id: 1 }, { $set: { a: 1 } }, { writeConcern }),
      await collection.replaceOne({ _id: 1 }, { a: 1 }, { writeConcern }),
      await collection.deleteMany({ none: 1 }, { writeConcern }),
      await collection.insertOne({ a: 1, _id: 1 }, { writeConcern }),
    ]);
  });
  expect(ours).toStrictEqual(driver);
});

test.each(['findOne', 'updateOne', 'deleteMany', 'findOneAndDelete', 'countDocuments'] as const)(
  'explain of %s gives the plan, and nothing else happens',
  async (method) => {
    const { ours, driver } = await outcomes(clients, async ({ db }) => {
      const collection = db.collection('c') as any;
      const args = method === 'updateOne' ? [{}, { $set: { a: 9 } }] : [{}];
      return Object.keys(await collection[method](...args, { explain: 'queryPlanner' }));
    });
    expect(ours).toStrictEqual(driver);
    expect(await clients.ours.db.collection('c').countDocuments({ a: { $ne: 9 } })).toBe(2);
  },
);

test('the raw response of a bulk write has the driver’s order of keys', async () => {
  const { ours, driver } = await outcomes(clients, async ({ db }) => {
    const collection = db.collection<any>('c');
    await collection.deleteMany({ _id: 5 });
    const bulk = collection.initializeOrderedBulkOp().insert({ _id: 5 });
    const done = await bulk.execute();
    const failed = await collection
      .bulkWrite([{ insertOne: { document: { _id: 5 } } }])
      .catch((error: unknown) => (error as native.MongoBulkWriteError).result);
    return form([done.getRawResponse(), failed.getRawResponse()]);
  });
  expect(ours).toStrictEqual(driver);
});

test.each([{ ignoreUndefined: true }, { serializeFunctions: true }, {}])(
  'a bulk operation is encoded as its execute(%j) says',
  async (options) => {
    const { ours, driver } = await outcomes(clients, async ({ db }) => {
      await begin();
      const collection = db.collection<any>('c');
      await collection.countDocuments();
      const bulk = collection.initializeUnorderedBulkOp();
      bulk.insert({ _id: 5, missing: undefined, double: (n: number) => 2 * n });
      bulk.find({ _id: 1 }).updateOne({ $set: { a: 3, missing: undefined } });
      await bulk.execute(options);
      return form(await collection.find({ _id: { $in: [1, 5] } }, { sort: { _id: 1 } }).toArray());
    });
    expect(ours).toStrictEqual(driver);
  },
);

test('a bulk operation heeds its signal', async () => {
  const collection = clients.ours.db.collection<any>('c');
  const bulk = collection.initializeOrderedBulkOp().insert({ _id: 5 });
  const reason = new Error('not wanted any more');
  await expect(bulk.execute({ signal: AbortSignal.abort(reason) } as any)).rejects.toBe(reason);
  expect(await collection.countDocuments({ _id: 5 })).toBe(0);
});

test('a cursor that is closed while its first command is under way is closed on the server', async () => {
  const own = openClients({ monitorCommands: true });
  const commands: string[] = [];
  own.ours.client.on('commandSucceeded', ({ commandName }) => commands.push(commandName));
  await own.ours.db.collection('c').insertMany(Array.from({ length: 10 }, () => ({})));
  const cursor = own.ours.db.collection('c').find({}, { batchSize: 2 });
  await Promise.allSettled([cursor.next(), cursor.close()]);
  expect(cursor.id?.isZero()).toBe(true);
  expect(commands).toContain('killCursors');
  await own.close();
});
