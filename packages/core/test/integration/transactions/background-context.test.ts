import { AsyncLocalStorage } from 'node:async_hooks';
import { lookup } from 'node:dns';

import { MongoClient, type OffloadMongoClientOptions } from '@mongo-offload/core';

import { failCommand } from '../../support/fail-point';
import { ownServer, type OwnServer } from '../../support/own-server';
import { until } from '../../support/until';
import { uri } from '../../support/clients';

const storage = new AsyncLocalStorage<string>();

let server: OwnServer;

beforeAll(async () => {
  server = await ownServer();
});
afterAll(async () => await server?.stop());

/** Events that no operation in particular causes. */
const BACKGROUND = [
  'topologyOpening',
  'topologyDescriptionChanged',
  'serverOpening',
  'serverDescriptionChanged',
  'serverHeartbeatStarted',
  'serverHeartbeatSucceeded',
  'serverHeartbeatFailed',
] as const;

interface Seen {
  name: string;
  store: string | undefined;
}

/** A client whose listeners note their async context and, a few times, call an operation. */
function listened(options: OffloadMongoClientOptions = {}) {
  const client = new MongoClient(uri(), {
    heartbeatFrequencyMS: 500,
    retryReads: false,
    offload: { workers: 1 },
    ...options,
  });
  const seen: Seen[] = [];
  const operations: Promise<unknown>[] = [];
  for (const name of BACKGROUND) {
    client.on(name, () => {
      seen.push({ name, store: storage.getStore() });
      if (name !== 'serverHeartbeatSucceeded' || operations.length > 3) return;
      operations.push(client.db('background').collection('seen').insertOne({ name }));
    });
  }
  return { client, seen, operations };
}

const first: [string, (client: MongoClient) => Promise<unknown>][] = [
  ['an operation', async (client) => await client.db('background').command({ ping: 1 })],
  ['connect()', async (client) => await client.connect()],
];

describe.each([
  ['in workers', {}],
  ['on the main thread', { lookup }],
] as [string, OffloadMongoClientOptions][])('a client whose work is done %s', (_, options) => {
  beforeEach(() => {
    if (options.lookup !== undefined) mainConnections.allow('the client runs on the main thread');
  });

  test.each(first)(
    'monitors outside of the context in which %s was called',
    async (_name, call) => {
      const { client, seen, operations } = listened(options);
      await using _client = client;
      await storage.run('request', async () => await call(client));
      await until(() => seen.filter(({ name }) => name === 'serverHeartbeatSucceeded').length > 2);
      await Promise.all(operations);
      await client.close();
      expect(seen.filter(({ store }) => store !== undefined)).toEqual([]);
    },
  );

  test('runs its listeners outside of the transaction of its first operation', async () => {
    const { client, seen, operations } = listened(options);
    await using _client = client;
    const beats = (): number =>
      seen.filter(({ name }) => name === 'serverHeartbeatSucceeded').length;
    const kept = client.db('background').collection<{ kept: boolean }>('kept');
    await server.admin
      .db('background')
      .collection('kept')
      .drop()
      .catch(() => undefined);
    const failed = client.transaction(async () => {
      await kept.insertOne({ kept: false });
      await until(() => operations.length > 0);
      throw new Error('abort');
    });
    await expect(failed).rejects.toThrow('abort');
    const before = beats();
    await until(() => beats() > before + 1);
    // A listener's writes are stored although the transaction was aborted, and none is refused because it has ended.
    await Promise.all(operations);
    expect(await kept.countDocuments()).toBe(0);
    expect(await client.db('background').collection('seen').countDocuments()).toBeGreaterThan(0);
    await client.close();
  });
});

test('a check that a failed operation requests runs outside of its transaction', async () => {
  const { client, seen, operations } = listened({ appName: 'background-check' });
  await using _client = client;
  await client.db('background').command({ ping: 1 });
  await until(() => seen.some(({ name }) => name === 'serverHeartbeatSucceeded'));
  await Promise.all(operations);
  const data = { failCommands: ['find'], closeConnection: true };
  const off = await failCommand(server.admin, 'background-check', { times: 1 }, data);
  const read = storage.run('request', () =>
    client.transaction(async () => await client.db('background').collection('seen').findOne()),
  );
  await read.catch(() => undefined);
  await off();
  const { length } = seen;
  await until(() => seen.slice(length).some(({ name }) => name === 'serverHeartbeatSucceeded'));
  await Promise.all(operations);
  expect(seen.filter(({ store }) => store !== undefined)).toEqual([]);
  await client.close();
});

test('events of idle pools are reported outside of the call that made the pools', async () => {
  const client = new MongoClient(uri(), {
    heartbeatFrequencyMS: 500,
    appName: 'background-pool',
    minPoolSize: 2,
    offload: { workers: 1 },
  });
  await using _client = client;
  const seen: Seen[] = [];
  for (const name of ['connectionPoolCleared', 'connectionPoolReady', 'connectionReady'] as const) {
    client.on(name, () => seen.push({ name, store: storage.getStore() }));
  }
  const things = client.db('background').collection('cursor');
  await things.insertMany(Array.from({ length: 10 }, (_, i) => ({ i })));
  await client.close();
  seen.length = 0;
  // The first operation is a cursor that is still open when the monitoring finds that the server is gone.
  const cursor = things.find({}, { batchSize: 2 });
  await client.connect();
  await storage.run('request', async () => await cursor.next());
  await until(() => seen.filter(({ name }) => name === 'connectionReady').length >= 2);
  const off = await failCommand(
    server.admin,
    'background-pool',
    { times: 4 },
    {
      failCommands: ['hello', 'isMaster'],
      closeConnection: true,
    },
  );
  await until(() => seen.some(({ name }) => name === 'connectionPoolCleared'));
  await off();
  await cursor.close();
  await client.close();
  const cleared = seen.filter(({ name }) => name === 'connectionPoolCleared');
  expect(cleared.map(({ store }) => store)).toEqual(cleared.map(() => undefined));
});
