import { MongoClient, type OffloadMongoClientOptions } from '@mongo-offload/core';
import type * as native from 'mongodb';

import { uri } from '../../support/clients';
import { until } from '../../support/until';

let client: MongoClient;
afterEach(async () => await client.close());

interface Pools {
  made: Set<string>;
  sizes: (number | undefined)[];
}

/** A client on two workers, with the sizes of its workers' pools. */
function open(query: string, options: OffloadMongoClientOptions = {}): Pools {
  client = new MongoClient(`${uri()}&${query}`, { ...options, offload: { workers: 2 } });
  const pools: Pools = { made: new Set(), sizes: [] };
  client.on('connectionPoolCreated', (event) => pools.sizes.push(event.options.maxPoolSize));
  client.on('connectionCreated', ({ offloadWorker, connectionId }) =>
    pools.made.add(`${offloadWorker} ${connectionId}`),
  );
  return pools;
}

async function burst(): Promise<void> {
  const db = client.db('admin');
  await Promise.all(Array.from({ length: 60 }, () => db.command({ ping: 1 })));
}

test.each<[string, OffloadMongoClientOptions, number]>([
  ['maxPoolSize=1', {}, 1],
  ['maxPoolSize=2', {}, 2],
  ['MaxPoolSize=3', {}, 3],
  ['maxPoolSize=50', { maxPoolSize: 2 }, 2],
  ['maxPoolSize=2', { maxPoolSize: undefined }, 2],
  ['maxPoolSize=2', { maxPoolSize: null as never }, 2],
  ['appName=some', { maxpoolsize: 3 } as object, 3],
  ['maxPoolSize=5', { maxPoolSize: '3' as never }, 3],
])('%s and %j: no more than %d connections in all workers', async (query, options, most) => {
  const { made, sizes } = open(query, options);
  await burst();
  expect(made.size).toBeGreaterThan(0);
  expect(made.size).toBeLessThanOrEqual(most);
  expect(sizes.reduce((sum, size) => sum! + size!, 0)).toBeLessThanOrEqual(most);
});

test.each<[string, OffloadMongoClientOptions]>([
  ['minPoolSize=5', {}],
  ['appName=some', { minPoolSize: 5 }],
  ['minPoolSize=5&maxPoolSize=5', {}],
])('%s and %j: connections are made though nothing needs them', async (query, options) => {
  const { made } = open(query, options);
  await client.connect();
  await until(() => made.size >= 5);
  await client.db('admin').command({ ping: 1 });
  expect(made.size).toBe(5);
});

test('waitQueueTimeoutMS of the connection string ends the wait for the one connection', async () => {
  open('maxPoolSize=1&waitQueueTimeoutMS=50');
  const db = client.db(`pool_size_${process.pid}`);
  await db.collection('rows').insertOne({});
  const slow = db.collection('rows').findOne({ $where: 'sleep(1000) || true' });
  const waits = db.collection('rows').findOne();
  await expect(waits).rejects.toThrow(/Timed out while checking out a connection/);
  await slow;
  await db.dropDatabase();
});

test('the connection of a change stream that ended stays for maxIdleTimeMS of the connection string', async () => {
  open('maxIdleTimeMS=200');
  const closed: native.ConnectionClosedEvent[] = [];
  client.on('connectionClosed', (event) => closed.push(event));
  const stream = client.watch();
  await stream.tryNext();
  await stream.close();
  await until(() =>
    closed.some(({ offloadPool, reason }) => offloadPool === 'waiting' && reason === 'idle'),
  );
});
