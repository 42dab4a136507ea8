import { DeadlineExceededError, MongoClient, type Collection } from '@mongo-offload/core';
import * as native from 'mongodb';

import { openClients, uri, type Clients } from '../../support/clients';
import { until } from '../../support/until';

interface Thing extends native.Document {
  _id: number;
}

let clients: Clients;
let ours: Collection<Thing>;

/** A filter that keeps the server busy for a second with each document. */
const slow = (mark: string): native.Filter<Thing> => ({
  $expr: {
    $function: {
      body: `function () { sleep(1000); return '${mark}' === ''; }`,
      args: [],
      lang: 'js',
    },
  },
});

beforeAll(async () => {
  clients = openClients();
  ours = clients.ours.db.collection('abort');
  await clients.native.db
    .collection<Thing>('abort')
    .insertMany(Array.from({ length: 20 }, (_, _id) => ({ _id })));
});
afterAll(async () => await clients.close());

async function running(mark: string): Promise<number> {
  const ops = await clients.native.client
    .db('admin')
    .aggregate([{ $currentOp: { allUsers: true } }, { $match: { ns: `${clients.dbName}.abort` } }])
    .toArray();
  return ops.filter((op) => JSON.stringify(op.command).includes(mark)).length;
}

/** The same for one document: the server goes on with a write whose client has left. */
const slowOnce = (mark: string): native.Filter<Thing> => ({ $and: [{ _id: 1 }, slow(mark)] });

type Options = native.CommandOperationOptions;
const operations: Record<string, (mark: string, options: Options) => Promise<unknown>> = {
  findOne: (mark, options) => ours.findOne(slow(mark), options),
  toArray: (mark, options) => ours.find(slow(mark), options).toArray(),
  'for await': async (mark, options) => {
    for await (const document of ours.find(slow(mark), options)) expect(document).toBeDefined();
  },
  batches: async (mark, options) => {
    for await (const batch of ours.find(slow(mark), options).batches()) expect(batch).toBeDefined();
  },
  aggregate: (mark, options) => ours.aggregate([{ $match: slow(mark) }], options).next(),
  countDocuments: (mark, options) => ours.countDocuments(slow(mark), options),
  updateMany: (mark, options) => ours.updateMany(slowOnce(mark), { $set: { a: 1 } }, options),
  deleteMany: (mark, options) => ours.deleteMany(slowOnce(mark), options),
  findOneAndUpdate: (mark, options) =>
    ours.findOneAndUpdate(slowOnce(mark), { $set: { a: 1 } }, options),
  distinct: (mark, options) => ours.distinct('_id', slow(mark), options),
  command: (mark, options) =>
    clients.ours.db.command({ find: 'abort', filter: slow(mark) }, options),
  bulkWrite: (mark, options) =>
    ours.bulkWrite(
      [{ updateMany: { filter: slowOnce(mark), update: { $set: { a: 1 } } } }],
      options,
    ),
};

describe.each(Object.keys(operations))('%s', (name) => {
  test('is given up at once with the signal’s reason; a query ends on the server', async () => {
    const mark = `abort-${name}`;
    const controller = new AbortController();
    const reason = new Error('no longer wanted');
    const operation = operations[name](mark, { signal: controller.signal });
    operation.catch(() => undefined);
    await until(async () => (await running(mark)) > 0);
    const started = performance.now();
    controller.abort(reason);
    await expect(operation).rejects.toBe(reason);
    expect(performance.now() - started).toBeLessThan(500);
    await until(async () => (await running(mark)) === 0);
    expect(await ours.findOne({ _id: 1 })).toMatchObject({ _id: 1 });
  });

  test('an aborted signal sends nothing', async () => {
    const reason = new Error('too late');
    await expect(operations[name]('never', { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
  });

  test('its deadline holds, and frees what it held', async () => {
    const mark = `deadline-${name}`;
    const started = performance.now();
    const error = (await operations[name](mark, { deadlineMS: 150 }).catch(
      (thrown: unknown) => thrown,
    )) as DeadlineExceededError;
    expect(error).toBeInstanceOf(DeadlineExceededError);
    expect(performance.now() - started).toBeLessThan(900);
    expect([error.code, error.deadlineMS]).toStrictEqual(['MONGO_OFFLOAD_DEADLINE', 150]);
    expect(error.mayHaveBeenApplied).toBe(/update|delete|Write|command/i.test(name));
    await until(async () => (await running(mark)) === 0);
  });
});

test('a client’s deadline holds for all its operations, its own goes before it', async () => {
  const client = new MongoClient(uri(), { offload: { deadlineMS: 200 } });
  const collection = client.db(clients.dbName).collection<Thing>('abort');
  await expect(collection.findOne(slow('client'))).rejects.toThrow(DeadlineExceededError);
  expect(await collection.findOne({ _id: 2 })).toMatchObject({ _id: 2 });
  const slowly = { $and: [{ _id: 3 }, slow('patient')] };
  const patient = collection.findOne(slowly, { deadlineMS: 20_000 });
  expect(await patient).toBeNull();
  await client.close();
});

test('a deadline holds while no server answers', async () => {
  const client = new MongoClient('mongodb://127.0.0.1:1/', { offload: { deadlineMS: 200 } });
  const started = performance.now();
  await expect(client.db('a').collection('b').insertOne({})).rejects.toThrow(DeadlineExceededError);
  await expect(client.db('a').collection('b').find().toArray()).rejects.toThrow(
    DeadlineExceededError,
  );
  expect(performance.now() - started).toBeLessThan(2_000);
  await client.close();
});

test('a deadline that is no time is refused at once', async () => {
  await expect(ours.findOne({}, { deadlineMS: -1 })).rejects.toThrow(/deadlineMS must be/);
  const wrong = { deadlineMS: 'soon' } as unknown as Options;
  expect(() => ours.find({}, wrong)).toThrow(native.MongoInvalidArgumentError);
});

test('a cursor’s deadline ends it between two reads, and closes it', async () => {
  const cursor = ours.find({}, { batchSize: 2, deadlineMS: 1_500 });
  await cursor.next();
  await until(() => Promise.resolve(cursor.closed || cursor.killed));
  await expect(cursor.next()).rejects.toThrow(DeadlineExceededError);
});
