import { setImmediate as turn } from 'node:timers/promises';

import { type MongoClient, type OffloadMongoClientOptions } from '@mongo-offload/core';
import type { RunningReplicaSet } from '@mongo-offload/mongod' with { 'resolution-mode': 'import' };
import type { Proxy } from '@mongo-offload/proxy' with { 'resolution-mode': 'import' };
import * as native from 'mongodb';

import { noticingClient } from '../support/noticing-client';

interface Thing extends native.Document {
  _id: number;
}

/** More than the system's buffers between the client and the proxy hold. */
const LARGE = 'x'.repeat(8_000_000);
/** What keeps a worker busy for so long that sockets can break meanwhile. */
const FIELDS = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`f${i}`, i]));

let set: RunningReplicaSet;
let proxy: Proxy;

beforeAll(async () => {
  const { startReplicaSet } = await import('@mongo-offload/mongod');
  set = await startReplicaSet({ members: 1 });
  [{ proxy }] = set.members;
});
afterEach(async () => {
  await proxy.heal();
});
afterAll(async () => {
  await set?.stop();
});

function open(options: OffloadMongoClientOptions = {}): MongoClient {
  return noticingClient(set.uri, {
    serverSelectionTimeoutMS: 10_000,
    offload: { workers: 1 },
    ...options,
  });
}

async function empty(client: MongoClient, name: string) {
  const things = client.db('lost_socket').collection<Thing>(name);
  await things.deleteMany({});
  return things;
}

/** As many connections of each worker as there are calls at once. */
async function connections(client: MongoClient, count: number): Promise<void> {
  const slow = { $where: 'sleep(50) || true' } as native.Filter<Thing>;
  const things = await empty(client, 'connections');
  await things.insertOne({ _id: 0 });
  await Promise.all(Array.from({ length: count }, async () => await things.findOne(slow)));
}

describe('a write whose bytes the network no longer takes', () => {
  test('is written again when the monitoring has given the connection up', async () => {
    await using client = open();
    const things = await empty(client, 'large');
    const cleared = new Promise((resolve) => client.once('connectionPoolCleared', resolve));
    await proxy.set({ stalled: true });
    const write = things.insertOne({ _id: 1, text: LARGE });
    await cleared;
    await proxy.heal();
    await write;
    expect(await things.countDocuments()).toBe(1);
  });

  test('ends when the client is closed', async () => {
    // To end the session at a server, the driver waits for one.
    const client = open({ serverSelectionTimeoutMS: 1_000 });
    const things = await empty(client, 'large');
    await proxy.set({ stalled: true });
    const write = things.insertOne({ _id: 1, text: LARGE });
    const ended = expect(write).rejects.toThrow(native.MongoError);
    await turn();
    await client.close(true);
    await ended;
  });

  test('ends at socketTimeoutMS', async () => {
    await using client = open({ socketTimeoutMS: 300, retryWrites: false });
    const things = await empty(client, 'large');
    await proxy.set({ stalled: true });
    await expect(things.insertOne({ _id: 1, text: LARGE })).rejects.toThrow(
      native.MongoNetworkError,
    );
  });
});

describe('on sockets that have just gone', () => {
  /** Cuts all connections while the worker is busy with something else: it has not heard of it when it comes to the call. */
  async function onLostSocket<T>(client: MongoClient, call: () => Promise<T>): Promise<T> {
    const busy = client
      .db('lost_socket')
      .collection<Thing>('busy')
      .updateOne({ _id: -1 }, { $set: FIELDS });
    await turn();
    const result = call();
    result.catch(() => undefined);
    await turn();
    await proxy.cut();
    await busy;
    return await result;
  }

  test('a commit is sent again, and what it wrote is there once', async () => {
    await using client = open({ offload: { workers: 1, forgottenSession: 'off' } });
    const things = await empty(client, 'committed');
    for (let _id = 0; _id < 3; _id++) {
      await connections(client, 4);
      await using session = client.startSession();
      session.startTransaction();
      await things.insertOne({ _id }, { session });
      await onLostSocket(client, async () => await session.commitTransaction());
      expect(await things.countDocuments({ _id })).toBe(1);
    }
  });

  test('an abort ends, and a write is sent again', async () => {
    await using client = open({ offload: { workers: 1, forgottenSession: 'off' } });
    const things = await empty(client, 'aborted');
    await connections(client, 4);
    await using session = client.startSession();
    session.startTransaction();
    await things.insertOne({ _id: 0 }, { session });
    await onLostSocket(client, async () => await session.abortTransaction());
    await connections(client, 4);
    await onLostSocket(client, async () => await things.insertOne({ _id: 1 }));
    expect(await things.find().toArray()).toStrictEqual([{ _id: 1 }]);
  });
});

describe('when all connections are lost at once', () => {
  const COUNT = 10;

  /** Makes calls, and cuts their connections when the commands are on their way. */
  async function cutUnderWay(
    client: MongoClient,
    atOnce: number,
    call: (i: number) => Promise<unknown>,
  ) {
    await connections(client, atOnce);
    await proxy.set({ delayMS: 200 });
    let begun = 0;
    const underWay = new Promise<void>((resolve) => {
      client.on('commandStarted', () => {
        if (++begun === atOnce) resolve();
      });
    });
    const calls = Promise.all(Array.from({ length: COUNT }, async (_, i) => await call(i)));
    await underWay;
    expect(await proxy.cut()).toBeGreaterThanOrEqual(atOnce);
    await proxy.heal();
    await calls;
  }

  test('each write is sent again', async () => {
    await using client = open({ monitorCommands: true });
    const things = await empty(client, 'inserts');
    await cutUnderWay(client, COUNT, async (_id) => await things.insertOne({ _id }));
    expect(await things.countDocuments()).toBe(COUNT);
  });

  test.each([
    ['begins anew', COUNT],
    ['begins anew, also where it waited for a connection', 2],
  ])(
    'each transaction %s',
    async (_, maxPoolSize) => {
      await using client = open({ monitorCommands: true, maxPoolSize });
      const things = await empty(client, 'counters');
      await things.insertMany(Array.from({ length: COUNT }, (_, _id) => ({ _id, n: 0 })));
      await cutUnderWay(client, maxPoolSize, async (_id) => {
        await client.transaction(async () => {
          await things.updateOne({ _id }, { $inc: { n: 1 } });
          await things.updateOne({ _id }, { $inc: { n: 1 } });
        });
      });
      expect(await things.countDocuments({ n: 2 })).toBe(COUNT);
    },
    20_000,
  );
});

describe('a server that does not answer any more', () => {
  afterEach(() => set.members[0].resume());

  test.each([false, true])(
    'does not keep a client open that has a transaction, force %p',
    async (force) => {
      const client = open({
        serverSelectionTimeoutMS: 60_000,
        offload: { forgottenSession: 'off' },
      });
      const things = await empty(client, 'transaction');
      const session = client.startSession();
      session.startTransaction();
      await things.insertOne({ _id: 1 }, { session });
      await set.members[0].pause();
      const read = things.findOne({});
      const ended = expect(read).rejects.toThrow(native.MongoError);
      // The driver waits here until the server goes on.
      await client.close(force);
      await ended;
    },
    15_000,
  );
});
