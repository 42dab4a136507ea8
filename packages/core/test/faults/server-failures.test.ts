import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';

import { MongoClient } from '@mongo-offload/core';
import type { RunningReplicaSet } from '@mongo-offload/mongod' with { 'resolution-mode': 'import' };
import * as native from 'mongodb';
import type { Collection, Document } from 'mongodb';

import { failCommand } from '../support/fail-point';
import { until } from '../support/until';

type Things = Collection<Document & { _id: number }>;

let set: RunningReplicaSet;
let admin: native.MongoClient;

beforeAll(async () => {
  const { startReplicaSet } = await import('@mongo-offload/mongod');
  set = await startReplicaSet({ members: 1, args: ['--setParameter', 'enableTestCommands=1'] });
  admin = new native.MongoClient(set.members[0].directUri);
  const things = admin.db('server_failures').collection<{ _id: number }>('things');
  await things.insertMany(Array.from({ length: 20 }, (_, i) => ({ _id: i })));
});
afterAll(async () => {
  await admin?.close();
  await set?.stop();
});

let names = 0;

/** A client of ours or of the driver, with the changes that it reported of the deployment. */
interface Watched extends AsyncDisposable {
  client: native.MongoClient;
  things: Things;
  appName: string;
  /** The changes of the server's type, and of the deployment's, one after the other. */
  changes: string[];
}

function watch(side: 'ours' | 'native', options: native.MongoClientOptions, workers = 1): Watched {
  const appName = `server-failures-${names++}`;
  const all = { appName, retryReads: false, retryWrites: false, ...options };
  const client =
    side === 'native'
      ? new native.MongoClient(set.uri, all)
      : new MongoClient(set.uri, { ...all, offload: { workers } });
  const changes: string[] = [];
  // The check that is stopped fails as well, and the driver reports that as another error of an unknown server.
  const note = (what: string, from: string, to: string): void => {
    if (from !== to) changes.push(`${what} ${from} > ${to}`);
  };
  client.on('serverDescriptionChanged', ({ previousDescription: from, newDescription: to }) =>
    note('server', from.type, to.type),
  );
  client.on('topologyDescriptionChanged', ({ previousDescription: from, newDescription: to }) =>
    note('topology', from.type, to.type),
  );
  const things: Things = client.db('server_failures').collection('things');
  return {
    client,
    things,
    appName,
    changes,
    [Symbol.asyncDispose]: async () => await client.close(true),
  };
}

const LOST = ['server RSPrimary > Unknown', 'topology ReplicaSetWithPrimary > ReplicaSetNoPrimary'];
const FOUND = [
  'server Unknown > RSPrimary',
  'topology ReplicaSetNoPrimary > ReplicaSetWithPrimary',
];

function typeOf(client: native.MongoClient): string {
  const { topology } = client as unknown as { topology: { description: { type: string } } };
  return topology.description.type;
}

/** Each worker has a connection, and the monitoring has found the server. */
async function connected({ client, things, changes }: Watched, atOnce = 1): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await Promise.all(Array.from({ length: atOnce }, async () => await things.findOne()));
  }
  await until(() => typeOf(client) === 'ReplicaSetWithPrimary');
  changes.length = 0;
}

async function nameOf(operation: Promise<unknown>): Promise<string> {
  return await operation.then(
    () => 'none',
    (error: unknown) => (error as Error).name,
  );
}

interface Failing {
  title: string;
  commands: string[];
  data: Document;
  options?: native.MongoClientOptions;
  run?: (things: Things) => Promise<unknown>;
}

const FAILING: Failing[] = [
  {
    title: 'a connection that is lost in a read',
    commands: ['find'],
    data: { closeConnection: true },
  },
  {
    title: 'a connection that is lost in a write',
    commands: ['insert'],
    data: { closeConnection: true },
    run: (things) => things.insertOne({ _id: 100 }),
  },
  {
    title: 'a connection that is lost in the middle of a cursor',
    commands: ['getMore'],
    data: { closeConnection: true },
    run: (things) => things.find({}, { batchSize: 3 }).toArray(),
  },
  { title: 'a server that shuts down', commands: ['find'], data: { errorCode: 91 } },
  {
    title: 'a server that was interrupted as it shuts down',
    commands: ['find'],
    data: { errorCode: 11600 },
  },
  {
    title: 'a server that is no primary, of the same version',
    commands: ['find'],
    data: { errorCode: 10107 },
  },
  { title: 'an error that says nothing of the server', commands: ['find'], data: { errorCode: 2 } },
  {
    title: 'a time limit of a socket',
    commands: ['find'],
    data: { blockConnection: true, blockTimeMS: 300 },
    options: { socketTimeoutMS: 100 },
  },
];

describe.each(FAILING)('$title', ({ commands, data, options, run }) => {
  test('changes the topology as with the driver, before the operation rejects', async () => {
    const seen = await Promise.all(
      (['native', 'ours'] as const).map(async (side) => {
        await using watched = watch(side, { heartbeatFrequencyMS: 500, ...options });
        const { client, things, appName, changes } = watched;
        await connected(watched);
        const mode = { times: 1 };
        const off = await failCommand(admin, appName, mode, { failCommands: commands, ...data });
        const error = await nameOf((run ?? ((all) => all.findOne()))(things));
        const then = [...changes.slice(0, 2)];
        await things.findOne();
        await until(() => typeOf(client) === 'ReplicaSetWithPrimary');
        await off();
        return { error, then, changes };
      }),
    );
    expect(seen[1]).toStrictEqual(seen[0]);
  });
});

test('several workers that report one outage change the topology once', async () => {
  await using watched = watch('ours', { heartbeatFrequencyMS: 500 }, 4);
  const { client, things, appName, changes } = watched;
  const cleared = new Set<number | undefined>();
  client.on('connectionPoolCleared', (event) => {
    cleared.add(
      (event as native.ConnectionPoolClearedEvent & { offloadWorker?: number }).offloadWorker,
    );
  });
  await connected(watched, 16);
  const data = {
    failCommands: ['find'],
    closeConnection: true,
    blockConnection: true,
    blockTimeMS: 500,
  };
  const off = await failCommand(admin, appName, { times: 8 }, data);
  const errors = await Promise.all(Array.from({ length: 8 }, () => nameOf(things.findOne())));
  await off();
  expect(errors).toEqual(Array.from({ length: 8 }, () => 'MongoNetworkError'));
  expect(cleared.size).toBeGreaterThan(1);
  await until(() => changes.length >= 4);
  await things.findOne();
  expect(changes).toEqual([...LOST, ...FOUND]);
});

test('each outage changes the topology, whichever worker meets it', async () => {
  await using watched = watch('ours', {}, 2);
  const { client, things, appName, changes } = watched;
  await connected(watched, 8);
  for (let i = 0; i < 4; i++) {
    const data = { failCommands: ['find'], closeConnection: true };
    const off = await failCommand(admin, appName, { times: 1 }, data);
    expect(await nameOf(things.findOne())).toBe('MongoNetworkError');
    expect(typeOf(client)).toBe('ReplicaSetNoPrimary');
    await off();
    await until(() => typeOf(client) === 'ReplicaSetWithPrimary');
  }
  expect(changes).toEqual(Array.from({ length: 4 }, () => [...LOST, ...FOUND]).flat());
});

test('the server is found again soon, though no operation asks for it', async () => {
  await using watched = watch('ours', { heartbeatFrequencyMS: 60_000 });
  const { client, things, appName } = watched;
  await connected(watched);
  const data = { failCommands: ['find'], closeConnection: true };
  const off = await failCommand(admin, appName, { times: 1 }, data);
  await nameOf(things.findOne());
  expect(typeOf(client)).toBe('ReplicaSetNoPrimary');
  await off();
  await until(() => typeOf(client) === 'ReplicaSetWithPrimary');
});

test('the error is that of the operation, an instance of the class of the driver', async () => {
  await using watched = watch('ours', {});
  const { client, things, appName } = watched;
  await connected(watched);
  const data = { failCommands: ['find'], errorCode: 91 };
  const off = await failCommand(admin, appName, { times: 1 }, data);
  const [[event], error] = await Promise.all([
    once(client, 'serverDescriptionChanged') as Promise<[native.ServerDescriptionChangedEvent]>,
    things.findOne().catch((reason: unknown) => reason as native.MongoServerError),
  ]);
  await off();
  const { error: told } = event.newDescription;
  expect(told).toBeInstanceOf(native.MongoServerError);
  expect(told).toMatchObject({ code: 91, message: (error as Error).message });
});

test('a waiting change stream reports its lost connection too', async () => {
  await using watched = watch('ours', {});
  const { things, client, appName, changes } = watched;
  await connected(watched);
  await using stream = things.watch();
  await stream.tryNext();
  const data = { failCommands: ['getMore'], closeConnection: true };
  const off = await failCommand(admin, appName, { times: 1 }, data);
  const next = nameOf(stream.next());
  await until(() => changes.length >= 2);
  await off();
  expect(changes.slice(0, 2)).toEqual(LOST);
  await stream.close();
  await next;
  await until(() => typeOf(client) === 'ReplicaSetWithPrimary');
});

test('listeners run outside of the operation that met the error', async () => {
  const storage = new AsyncLocalStorage<string>();
  await using watched = watch('ours', {});
  const { things, client, appName } = watched;
  await connected(watched);
  const stores: unknown[] = [];
  client.on('serverDescriptionChanged', () => stores.push(storage.getStore()));
  const data = { failCommands: ['find'], closeConnection: true };
  const off = await failCommand(admin, appName, { times: 1 }, data);
  await storage.run('request', async () => await nameOf(things.findOne()));
  await until(() => typeOf(client) === 'ReplicaSetWithPrimary');
  await off();
  expect(stores.length).toBeGreaterThan(1);
  expect(new Set(stores)).toEqual(new Set([undefined]));
});

test('a server that dies is reported lost once, and found once when it is back', async () => {
  await using watched = watch('ours', { heartbeatFrequencyMS: 500, retryReads: true }, 2);
  const { things, changes } = watched;
  await connected(watched, 8);
  const [{ proxy }] = set.members;
  await proxy.set({ refused: true });
  await proxy.cut();
  const reads = Array.from({ length: 8 }, () => nameOf(things.findOne()));
  await until(() => changes.length > 0);
  await proxy.heal();
  // The driver retries a read once. A read that loses its connection a second time rejects.
  for (const name of await Promise.all(reads))
    expect(['none', 'MongoNetworkError']).toContain(name);
  await until(() => changes.includes(FOUND[1]));
  expect(changes).toEqual([...LOST, ...FOUND]);
});
