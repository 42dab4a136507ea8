import type { Document } from 'mongodb';

import { openClients, type Clients } from '../../support/clients';

interface Thing extends Document {
  _id: number;
  n: number;
}

let clients: Clients;

beforeAll(() => {
  // One connection to each of two workers: what a worker is given first reaches the server first, so
  // that an order that is not kept between the workers shows.
  clients = openClients({ maxPoolSize: 2, offload: { workers: 2 } });
});
afterAll(async () => await clients.close());

test('what is started without waiting takes effect in the order of the calls', async () => {
  for (let round = 0; round < 20; round++) {
    const collection = clients.ours.db.collection<Thing>(`ordered${round}`);
    const [, , { modifiedCount }, found, , count] = await Promise.all([
      collection.createIndex({ n: 1 }, { unique: true }),
      collection.insertOne({ _id: 1, n: 1 }),
      collection.updateOne({ _id: 1 }, { $set: { n: 2 } }),
      collection.findOne({ _id: 1 }),
      collection.drop(),
      collection.countDocuments(),
    ]);
    expect([modifiedCount, found, count]).toStrictEqual([1, { _id: 1, n: 2 }, 0]);
  }
});

test('reads of other collections use both workers meanwhile', async () => {
  const { db } = clients.ours;
  const writes = Array.from({ length: 10 }, (_, _id) =>
    db.collection<Thing>('a').insertOne({ _id, n: 1 }),
  );
  const reads = Array.from({ length: 10 }, (_, _id) => db.collection<Thing>('b').findOne({ _id }));
  expect(await Promise.all(reads)).toStrictEqual(Array(10).fill(null));
  expect(await Promise.all(writes)).toHaveLength(10);
});
