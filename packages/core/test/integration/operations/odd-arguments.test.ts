import { MongoClient } from '@mongo-offload/core';
import * as native from 'mongodb';

import { openClients, uri, type Clients, type Side } from '../../support/clients';
import { outcome, outcomes } from '../../support/outcome';

/* What programs in JavaScript hand to the driver by mistake, or because they know it well. */

/* eslint-disable @typescript-eslint/no-explicit-any -- no type allows these arguments */

let clients: Clients;
beforeAll(() => (clients = openClients()));
afterAll(async () => await clients.close());
beforeEach(begin);

async function begin(): Promise<void> {
  const collection = clients.native.db.collection<any>('c');
  await collection.deleteMany({});
  await collection.insertMany([
    { _id: 1, a: 1 },
    { _id: 2, a: 2 },
  ]);
}

async function expectSame(call: (collection: native.Collection<any>) => unknown): Promise<void> {
  const { ours, driver } = await outcomes(clients, async ({ db }) => {
    await begin();
    return await call(db.collection('c'));
  });
  expect(ours).toStrictEqual(driver);
}

test('a bigint where a document belongs is refused in the same words', async () => {
  await expectSame((collection) => collection.updateOne(5n as any, { $set: { b: 1 } }));
  await expectSame((collection) => collection.replaceOne({ _id: 1 }, 5n as any));
  await expectSame((collection) => collection.findOneAndDelete(5n as any));
  await expectSame((collection) => collection.findOneAndUpdate(5n as any, { $set: { b: 1 } }));
  await expectSame((collection) => collection.find(5n as any).toArray());
});

test('an update is judged by what it is, not by what toBSON makes of it', async () => {
  const operators = { toBSON: () => ({ $set: { b: 1 } }) };
  await expectSame((collection) => collection.updateOne({ _id: 1 }, operators));
  await expectSame((collection) => collection.findOneAndUpdate({ _id: 1 }, operators));
});

test('what is no document is refused by the server where one is inserted, or by BSON where it is no value', async () => {
  const { Long } = native;
  const circle: Record<string, unknown> = {};
  circle.of = circle;
  const odd = [
    [],
    [{ a: 1 }],
    new Date(0),
    /x/,
    Buffer.from('abc'),
    Long.ONE,
    new Map([['a', 1]]),
    circle,
  ];
  for (const document of odd as any[]) {
    await expectSame(async (collection) => {
      const { insertedId, ...rest } = await collection.insertOne(document);
      return { ...rest, id: typeof insertedId };
    });
  }
});

test('a function or a symbol is no name', async () => {
  for (const name of [() => 1, Symbol('c')] as any[]) {
    for (const db of [clients.ours.db, clients.ours.client.db(name)]) {
      const collection = db.collection(db === clients.ours.db ? name : 'c');
      const error = { message: expect.stringMatching(/^The name of a (database|collection) must/) };
      await expect(collection.findOne({})).rejects.toBeInstanceOf(native.MongoInvalidArgumentError);
      await expect(collection.find({}).toArray()).rejects.toMatchObject(error);
      await expect(collection.insertOne({ a: 1 })).rejects.toMatchObject(error);
    }
  }
});

test('an array with holes in it is refused by insertMany', async () => {
  const holes: unknown[] = [];
  holes[1] = { a: 1 };
  await expectSame((collection) => collection.insertMany(holes as any));
});

test('null in place of options fails where it fails with the driver', async () => {
  await expectSame((collection) => collection.findOne({ _id: 1 }, null as any));
  await expectSame((collection) => collection.countDocuments({}, null as any));
  await expectSame((collection) => collection.distinct('a', {}, null as any));
  await expectSame((collection) => collection.updateOne({}, { $set: { b: 1 } }, null as any));
});

test('signal: null is no signal', async () => {
  await expectSame((collection) => collection.findOne({ _id: 1 }, { signal: null } as any));
  await expectSame((collection) => collection.deleteMany({}, { signal: null } as any));
  await expectSame((collection) => collection.find({}, { signal: null } as any).toArray());
});

test('a signal that is none is refused before anything is sent', async () => {
  const call = ({ db }: Side<native.MongoClient>): unknown =>
    db.collection('c').deleteMany({}, { signal: {} } as any);
  expect(await outcome(() => call(clients.ours))).toMatchObject({
    rejected: { name: 'TypeError' },
  });
  expect(await clients.native.db.collection('c').countDocuments()).toBe(2);
});

test('a read preference keeps its hedge on the way to the server', async () => {
  const hedged = new native.ReadPreference('secondaryPreferred', [{ dc: 'east' }, {}], {
    hedge: { enabled: true },
  });
  const told: unknown[] = [];
  for (const Client of [native.MongoClient, MongoClient]) {
    const client = new Client(uri(), { monitorCommands: true });
    const sent: unknown[] = [];
    client.on('commandStarted', ({ command }) => sent.push(command.$readPreference));
    const db = client.db(clients.dbName);
    const options = { readPreference: hedged };
    await db.collection('c').find().withReadPreference(hedged).toArray();
    await db.collection('c').aggregate([], options).toArray();
    await db.collection('c').findOne({}, options);
    await db.collection('c', options).distinct('a');
    await client.db(clients.dbName, options).collection('c').estimatedDocumentCount();
    await db.command({ ping: 1 }, options);
    told.push([...sent]);
    await client.close();
  }
  expect(told[1]).toStrictEqual(told[0]);
  expect(told[1]).toHaveLength(6);
});

describe('an index', () => {
  afterEach(async () => await clients.native.db.collection('c').dropIndexes());

  test('is made of options among which there are ones that BSON cannot hold', async () => {
    const circular: any = {};
    circular.self = circular;
    await expectSame((collection) => collection.createIndex({ a: 1 }, { circular } as any));
  });

  test.each(['sparse', 'unique', 'background', 'collation', 'min', 'expireAfterSeconds', 'other'])(
    'whose option %s is undefined comes to the same, with ignoreUndefined as well',
    async (option) => {
      const undefinedOption = { [option]: undefined };
      await expectSame((collection) => collection.createIndex({ a: 1 }, undefinedOption));
      await expectSame((collection) => collection.db.createIndex('c', { a: 1 }, undefinedOption));
      const ignoring = { ...undefinedOption, ignoreUndefined: true };
      await expectSame((collection) => collection.createIndex({ b: 1 }, ignoring));
    },
  );
});

test('fsync as a write concern asks for the journal', async () => {
  const { ours, close } = openClients({ monitorCommands: true });
  const inserts: native.Document[] = [];
  ours.client.on('commandStarted', ({ command, commandName }) => {
    if (commandName === 'insert') inserts.push(command);
  });
  await ours.db.collection('c').insertOne({ a: 1 }, { writeConcern: { fsync: true } });
  expect(inserts).toMatchObject([{ writeConcern: { j: true } }]);
  await close();
});

test('a pipeline that is no list is refused in the same words', async () => {
  await expectSame((collection) => collection.aggregate({ $match: {} } as any).toArray());
  await expectSame((collection) => collection.db.aggregate({ $match: {} } as any).toArray());
});

test('a batch size that is no number is refused in the same words', async () => {
  for (const batchSize of ['2', true, {}] as any[]) {
    await expectSame((collection) => collection.aggregate([], { batchSize }).toArray());
  }
});

test('a collection without a name is refused by the server, whatever is called on it, and is not the database', async () => {
  const calls: ((collection: native.Collection<any>) => unknown)[] = [
    (collection) => collection.find().toArray(),
    (collection) => collection.findOne(),
    (collection) => collection.insertOne({ a: 1 }),
    (collection) => collection.bulkWrite([{ insertOne: { document: { a: 1 } } }]),
    (collection) => collection.updateOne({}, { $set: { a: 1 } }),
    (collection) => collection.aggregate([]).toArray(),
    (collection) => collection.listIndexes().toArray(),
    (collection) => collection.countDocuments(),
    (collection) => collection.estimatedDocumentCount(),
    (collection) => collection.distinct('a'),
    (collection) => collection.drop(),
    (collection) => collection.rename('b'),
  ];
  for (const name of [undefined, null, '', 5] as any[]) {
    for (const call of calls) await expectSame(({ db }) => call(db.collection(name)));
    await expectSame(({ db }) =>
      db.aggregate([{ $listLocalSessions: {} }, { $match: { _id: 0 } }]).toArray(),
    );
    await expectSame(({ db }) => db.command({ ping: 1 }).then(({ ok }) => ok as number));
  }
});

test('a command that is no document leaves its connection to the next operation alone', async () => {
  const odd = [
    'ping',
    5,
    true,
    Symbol('ping'),
    new Proxy({ ping: 1 }, { has: fail, ownKeys: fail }),
  ];
  const call = async (client: native.MongoClient): Promise<unknown[]> => {
    const db = client.db(clients.dbName);
    const results: unknown[] = [];
    for (const command of odd) {
      const [, answer] = await Promise.all([
        outcome(() => db.command(command as any)),
        outcome(async () => await db.collection<any>('c').findOne({ _id: 2 })),
      ]);
      results.push(answer, await db.collection<any>('c').countDocuments({}));
    }
    return results;
  };
  // The driver's own client here is of the copy of the driver that ours checks as well.
  for (const Client of [MongoClient, native.MongoClient]) {
    await using client = new Client(uri(), { maxPoolSize: 1 });
    const rows = odd.flatMap(() => [{ value: { _id: 2, a: 2 } }, 2]);
    expect(await call(client)).toMatchObject(rows);
  }
});

function fail(): never {
  throw new RangeError('not to be read');
}
