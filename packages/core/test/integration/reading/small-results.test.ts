import type * as native from 'mongodb';
import { Long, type Document } from 'mongodb';

import { document, element, int32, text } from '../../support/bson';
import { openClients, type Clients, type Side } from '../../support/clients';
import { outcomes } from '../../support/outcome';
import { insertRaw } from '../../support/raw-insert';

/*
 * What a cursor gives may be so little that it comes in one piece with the answers of other calls. Nobody is to notice.
 */

interface Row extends Document {
  _id: number;
}

let clients: Clients;

beforeAll(async () => {
  clients = openClients({ offload: { workers: 1 } });
  const { db } = clients.native;
  await db.collection<Row>('rows').insertMany(
    Array.from({ length: 300 }, (_, n) => ({
      _id: n,
      n,
      big: Long.fromNumber(n),
      text: 'x'.repeat(n % 7),
      ...(n % 3 === 0 ? { odd: [n, { deep: new Date(n) }] } : {}),
    })),
  );
  await db.createCollection('view', { viewOn: 'rows', pipeline: [{ $match: { n: { $lt: 4 } } }] });
  await db
    .collection<Row>('sizes')
    .insertMany([8_000, 8_000, 1, 30_000].map((size, _id) => ({ _id, text: 'y'.repeat(size) })));
});
afterAll(async () => await clients.close());

/** Runs the call on both sides, and expects the same of both. */
async function same(call: (side: Side<native.MongoClient>) => unknown): Promise<unknown> {
  const { ours, driver } = await outcomes(clients, call);
  expect(ours).toStrictEqual(driver);
  return ours;
}

const rows = ({ db }: Side<native.MongoClient>): native.Collection => db.collection('rows');

test('cursors and single documents answered in one turn each get their own', async () => {
  await same(({ db }) =>
    Promise.all(
      Array.from({ length: 120 }, async (_, at) => {
        const collection = db.collection<Row>('rows');
        const filter = { n: { $gte: at, $lt: at + (at % 5) } };
        switch (at % 6) {
          case 0:
            return await collection.findOne({ _id: at });
          case 1:
            return await collection.find(filter).sort({ _id: 1 }).toArray();
          case 2:
            return await collection.find(filter, { promoteLongs: false }).toArray();
          case 3:
            return await collection.find(filter, { useBigInt64: true }).toArray();
          case 4:
            return await collection.aggregate([{ $match: filter }, { $count: 'count' }]).toArray();
          default:
            return await collection.find({ _id: -1 }).toArray();
        }
      }),
    ),
  );
});

test.each([0, 1, 2, 5, 200])('%i documents, however they are read', async (limit) => {
  const find = (side: Side<native.MongoClient>, options?: native.FindOptions) =>
    rows(side).find({ n: { $lt: limit } }, { sort: { _id: 1 }, ...options });
  await same((side) => find(side).toArray());
  await same((side) => find(side, { raw: true }).toArray());
  await same((side) => find(side, { batchSize: 2 }).toArray());
  await same(async (side) => {
    const seen: unknown[] = [];
    for await (const row of find(side)) seen.push(row);
    return seen;
  });
  await same(async (side) => {
    const cursor = find(side).map(({ n }) => ({ n: n as number }));
    const seen = [];
    while (await cursor.hasNext()) seen.push(await cursor.next(), cursor.bufferedCount());
    return [seen, await cursor.next(), cursor.closed, cursor.id?.toString(), cursor.namespace];
  });
  await same(async (side) => {
    const cursor = find(side);
    const first = await cursor.next();
    const rest = cursor.readBufferedDocuments(1);
    cursor.rewind();
    return [first, rest, await cursor.toArray()];
  });
  await same(async (side) => {
    const seen: unknown[] = [];
    for await (const row of find(side).stream()) seen.push(row);
    return seen;
  });
});

test('the namespace, where the server gives another than the cursor began with', async () => {
  await same(async ({ db }) => {
    const cursors = [
      db.collection('view').find(),
      db.collection('view').aggregate([{ $match: { n: 1 } }]),
      db.aggregate([{ $documents: [{ a: 1 }, { a: 2 }] }]),
      db.collection('no such').find(),
    ];
    return await Promise.all(
      cursors.map(async (cursor) => [await cursor.toArray(), cursor.namespace.toString()]),
    );
  });
});

test('results about as large as travel as a whole, and larger ones', async () => {
  for (const ids of [[0], [0, 1], [0, 1, 2], [3], [2, 3], [0, 1, 2, 3]]) {
    await same(({ db }) =>
      db
        .collection<Row>('sizes')
        .find({ _id: { $in: ids } })
        .sort({ _id: 1 })
        .toArray(),
    );
  }
});

test('in a session and in a transaction', async () => {
  await same((side) =>
    side.client.withSession(async (session) => {
      const read = () => rows(side).find({ n: 3 }, { session }).toArray();
      const before = await read();
      const within = await session.withTransaction(async () => {
        await rows(side).updateOne({ n: 3 }, { $set: { seen: true } }, { session });
        const seen = await read();
        await session.abortTransaction();
        return seen;
      });
      return [before, within, await read()];
    }),
  );
});

test('a document that cannot be read is met where it stands, and those behind it are there', async () => {
  const broken = Buffer.from('fffe', 'hex');
  await insertRaw(clients.dbName, 'broken', [
    document(element(0x10, '_id', int32(1)), element(2, 'text', text('good'))),
    document(element(0x10, '_id', int32(2)), element(2, 'text', text(broken))),
    document(element(0x10, '_id', int32(3)), element(2, 'text', text('good'))),
  ]);
  const find = ({ db }: Side<native.MongoClient>) =>
    db.collection('broken').find().sort({ _id: 1 });
  await same((side) => find(side).toArray());
  await same((side) => find(side).hasNext());
  await same(async (side) => {
    const cursor = find(side);
    const seen: unknown[] = [await cursor.next()];
    for (let i = 0; i < 3; i++) {
      seen.push(await cursor.next().catch((error: unknown) => (error as Error).message));
    }
    return seen;
  });
  await same((side) => side.db.collection<Row>('broken').find({ _id: 3 }).toArray());
});

test('a query that fails, one that is given up and one that is explained', async () => {
  await same((side) => rows(side).find({ $no: 1 }).toArray());
  await same((side) => rows(side).find({}, { signal: AbortSignal.abort() }).toArray());
  const plan = await clients.ours.db.collection('rows').find({ n: 1 }).explain('queryPlanner');
  expect(plan).toHaveProperty('queryPlanner');
  expect(await clients.ours.db.collection('rows').find({ n: 1 }).toArray()).toHaveLength(1);
});

test('what is heard of the commands is the same, and comes before the result', async () => {
  const told = async (client: native.MongoClient): Promise<unknown[]> => {
    const heard: unknown[] = [];
    client.on('commandStarted', ({ commandName }) => heard.push(commandName));
    client.on('commandSucceeded', ({ commandName }) => heard.push(`${commandName} succeeded`));
    const collection = client.db(clients.dbName).collection('rows');
    heard.push(await collection.find({ n: 1 }).toArray());
    heard.push(await collection.find({ n: { $lt: 5 } }, { batchSize: 2 }).toArray());
    return heard;
  };
  const monitored = openClients({ monitorCommands: true });
  try {
    expect(await told(monitored.ours.client)).toStrictEqual(await told(monitored.native.client));
  } finally {
    await monitored.close();
  }
});
