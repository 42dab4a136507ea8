import { createServer, type AddressInfo } from 'node:net';

import {
  Db,
  MongoClient,
  NotReadyError,
  OffloadOptionError,
  WorkerLostError,
  type OffloadMongoClientOptions,
} from '@mongo-offload/core';
import * as native from 'mongodb';

import { uri } from '../../support/clients';
import { WorkerPool } from '../../support/internals';
import { until } from '../../support/until';
import { program } from '../../support/program';

/** A port on which nothing listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('making a client', () => {
  test.each([
    ['http://nowhere', {}],
    ['mongodb://', {}],
    ['mongodb://localhost/?nonsense=1', {}],
    ['mongodb://localhost', { nonsense: 1 }],
    ['mongodb://localhost/?w=majority&journal=perhaps', {}],
    ['mongodb://localhost', { maxPoolSize: 'many' }],
  ])('%s with %j throws at once what the driver throws', (url, options) => {
    const thrown = (make: () => unknown): Error => {
      try {
        make();
      } catch (error) {
        return error as Error;
      }
      throw new Error('nothing was thrown');
    };
    const theirs = thrown(() => new native.MongoClient(url, options as native.MongoClientOptions));
    const ours = thrown(() => new MongoClient(url, options as OffloadMongoClientOptions));
    expect(ours.constructor).toBe(theirs.constructor);
    expect(ours.message).toBe(theirs.message);
  });

  test.each([
    { workers: 0 },
    { sliceMS: NaN },
    { readAhead: 1.5 },
    { strict: 'yes' },
    { busyPoll: 1 },
    { worker: 2 },
    { resourceLimits: 64 },
    { resourceLimits: { heap: 64 } },
    { resourceLimits: { maxOldGenerationSizeMb: 8 } },
    { resourceLimits: { stackSizeMb: '4' } },
  ])('offload: %j is refused with what to write instead', (offload) => {
    const make = (): MongoClient =>
      new MongoClient(uri(), { offload } as OffloadMongoClientOptions);
    expect(make).toThrow(OffloadOptionError);
    expect(make).toThrow(
      /offload\.(workers|sliceMS|readAhead|strict|busyPoll|worker|resourceLimits(\.\w+)?) /,
    );
  });

  test('neither connects nor starts anything, and the program ends', async () => {
    const out = await program(`
      const client = new MongoClient('mongodb://127.0.0.1:1/');
      client.db('x').collection('y').find().sort({ a: 1 });
      console.log(process.getActiveResourcesInfo().filter((what) => what !== 'PipeWrap').length);`);
    expect(out.trim()).toBe('0');
  });

  test('an option that cannot cross runs the client here, with one warning; strict refuses it', async () => {
    const out = await program(`
      process.on('warning', ({ name, message }) => console.log(name, message));
      const { lookup } = require('node:dns');
      for (let i = 0; i < 2; i++) {
        const client = new MongoClient(uri, { lookup });
        console.log((await client.db('admin').command({ ping: 1 })).ok);
        console.log(await client.db('admin').collection('none').find().toArray());
        await client.close();
      }`);
    expect(out.match(/MongoOffloadWarning/g)).toHaveLength(1);
    expect(out).toMatch(/lookup cannot cross/);
    expect(out.match(/^1$/gm)).toHaveLength(2);
    const strict = {
      lookup: () => undefined,
      offload: { strict: true },
    } as unknown as OffloadMongoClientOptions;
    expect(() => new MongoClient(uri(), strict)).toThrow(/lookup.*strict/);
  });
});

describe('connecting', () => {
  test('connect() is there and gives the client; so is MongoClient.connect', async () => {
    const client = await MongoClient.connect(uri());
    expect(client).toBeInstanceOf(MongoClient);
    expect(client).toBeInstanceOf(native.MongoClient);
    expect(await client.connect()).toBe(client);
    expect(client.db('a')).toBeInstanceOf(Db);
    await client.close();
  });

  test('the topology on main is the real one, with its events', async () => {
    const client = new MongoClient(uri());
    const opened: string[] = [];
    client.on('serverOpening', ({ address }) => opened.push(address));
    await client.connect();
    const { topology } = client as unknown as {
      topology: { description: native.TopologyDescription };
    };
    expect(topology.description.type).toBe('ReplicaSetWithPrimary');
    expect([...topology.description.servers.keys()]).toStrictEqual(opened);
    await client.close();
  });

  test('`open` is told once, when the client is connected: its listener may close it', async () => {
    const client = new MongoClient(uri());
    let told = 0;
    const closed = new Promise<void>((resolve, reject) => {
      client.on('open', (opened) => {
        told++;
        expect(opened).toBe(client);
        client.close().then(resolve, reject);
      });
    });
    expect(await Promise.all([client.connect(), client.connect()])).toStrictEqual([client, client]);
    await closed;
    expect(told).toBe(1);
  });

  test('what connects in vain is not open, and keeps no process alive', async () => {
    const said = await program(`
      const client = new MongoClient(uri, { auth: { username: 'nobody', password: 'none' } });
      client.on('open', () => console.log('open'));
      client.on('topologyClosed', () => console.log('closed'));
      await client.connect().catch((error) => console.log(error.message));
    `);
    expect(said).toBe('closed\nAuthentication failed.\n');
  });

  test('a closed client refuses; connecting again opens it', async () => {
    const client = new MongoClient(uri());
    const collection = client.db('admin').collection('none');
    await collection.findOne();
    await Promise.all([client.close(), client.close()]);
    await client.close();
    await expect(collection.findOne()).rejects.toThrow(native.MongoNotConnectedError);
    await expect(collection.find().toArray()).rejects.toThrow(native.MongoNotConnectedError);
    await client.connect();
    expect(await collection.findOne()).toBeNull();
    await client.close();
  });

  test('operations under way when the client closes end', async () => {
    const client = new MongoClient(uri());
    const collection = client.db('admin').collection('none');
    await collection.findOne();
    const cursor = client.db('admin').aggregate([{ $listLocalSessions: {} }]);
    const operations = Array.from({ length: 50 }, () => collection.findOne());
    const settled = Promise.allSettled([...operations, cursor.toArray()]);
    await client.close();
    for (const { status } of await settled) expect(['fulfilled', 'rejected']).toContain(status);
  });

  test('a read that runs when the client closes is not run again', async () => {
    const slow = {
      $expr: {
        $function: { body: 'function () { sleep(500); return true; }', args: [], lang: 'js' },
      },
    };
    const watcher = new native.MongoClient(uri());
    await watcher.db(`closing_${process.pid}`).collection('c').insertOne({});
    const running = async (appName: string): Promise<unknown> =>
      await watcher
        .db('admin')
        .aggregate([{ $currentOp: {} }, { $match: { appName, 'command.find': 'c' } }])
        .next();
    const outcomes: [unknown, number][] = [];
    for (const Client of [native.MongoClient, MongoClient]) {
      const appName = `closing-${Client === MongoClient}-${process.pid}`;
      const commands: string[] = [];
      const client = new Client(uri(), {
        appName,
        monitorCommands: true,
        ...(Client === MongoClient ? { offload: { closeGraceMS: 0 } } : {}),
      });
      client.on('commandStarted', ({ commandName }) => commands.push(commandName));
      const failing = client
        .db(`closing_${process.pid}`)
        .collection('c')
        .findOne(slow)
        .catch((error: unknown) => (error as Error).constructor);
      await until(async () => (await running(appName)) !== null);
      await client.close();
      outcomes.push([await failing, commands.filter((name) => name === 'find').length]);
    }
    expect(outcomes[1]).toStrictEqual(outcomes[0]);
    expect(WorkerPool.running).toBeUndefined();
    await watcher.db(`closing_${process.pid}`).dropDatabase();
    await watcher.close();
  });

  test('maxPoolSize is the total of connections at the server', async () => {
    const appName = `pool-${process.pid}`;
    const client = new MongoClient(uri(), { maxPoolSize: 5, appName });
    const slow = {
      $expr: {
        $function: { body: 'function () { sleep(100); return true; }', args: [], lang: 'js' },
      },
    };
    const collection = client.db(`pool_${process.pid}`).collection('one');
    await collection.insertOne({});
    const reading = Promise.all(Array.from({ length: 20 }, () => collection.findOne(slow)));
    const watcher = new native.MongoClient(uri());
    const [{ n }] = await watcher
      .db('admin')
      .aggregate([
        { $currentOp: { allUsers: true, idleConnections: true } },
        {
          $match: {
            appName,
            'clientMetadata.driver.name': { $exists: true },
            'command.hello': { $exists: false },
          },
        },
        { $count: 'n' },
      ])
      .toArray();
    await reading;
    // Beside the pool there are the monitors' connections, two to a client and server.
    expect(n).toBeGreaterThan(0);
    expect(n).toBeLessThanOrEqual(5 + 4);
    await client.db(`pool_${process.pid}`).dropDatabase();
    await Promise.all([client.close(), watcher.close()]);
  });
});

describe('a server that is down', () => {
  test('an operation rejects with the driver’s error after serverSelectionTimeoutMS; the loop runs on', async () => {
    const client = new MongoClient(`mongodb://127.0.0.1:${await closedPort()}/`, {
      serverSelectionTimeoutMS: 300,
    });
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    const started = performance.now();
    const error = (await client
      .db('a')
      .collection('b')
      .findOne()
      .catch((thrown: unknown) => thrown)) as native.MongoServerSelectionError;
    clearInterval(timer);
    expect(error).toBeInstanceOf(native.MongoServerSelectionError);
    expect(error.message).toMatch(/ECONNREFUSED/);
    expect(error.cause).toBeInstanceOf(native.MongoNetworkError);
    expect(error.reason?.servers.size).toBe(1);
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(ticks).toBeGreaterThan(10);
    await expect(client.connect()).rejects.toThrow(native.MongoServerSelectionError);
    await client.close();
  });

  test('waitUntilReady tells of each try and gives up at the deadline', async () => {
    const client = new MongoClient(`mongodb://127.0.0.1:${await closedPort()}/`);
    const tries: number[] = [];
    const waiting = client.waitUntilReady({
      timeoutMS: 1_000,
      onRetry: (_error, attempt) => tries.push(attempt),
    });
    const error = (await waiting.catch((thrown: unknown) => thrown)) as NotReadyError;
    expect(error).toBeInstanceOf(NotReadyError);
    expect(error.code).toBe('MONGO_OFFLOAD_NOT_READY');
    expect(error.cause).toBeInstanceOf(native.MongoServerSelectionError);
    expect(error.attempts).toBeGreaterThanOrEqual(1);
    await client.close();
  });

  test('waitUntilReady can be aborted', async () => {
    const client = new MongoClient(`mongodb://127.0.0.1:${await closedPort()}/`);
    const reason = new Error('shutting down');
    const controller = new AbortController();
    const waiting = client.waitUntilReady({ signal: controller.signal });
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await client.close();
  });

  test('waitUntilReady resolves as soon as the server is there', async () => {
    const port = await closedPort();
    const target = new URL(uri().replace('mongodb:', 'http:'));
    const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`);
    const waiting = client.waitUntilReady({
      timeoutMS: 20_000,
      onRetry: (_error, attempt) => {
        if (attempt === 1) proxy.listen(port, '127.0.0.1');
      },
    });
    const { connect } = await import('node:net');
    const proxy = createServer((socket) => {
      const upstream = connect(Number(target.port), target.hostname);
      socket.pipe(upstream).pipe(socket);
      socket.on('error', () => upstream.destroy());
      upstream.on('error', () => socket.destroy());
    });
    expect(await waiting).toBe(client);
    expect((await client.serverInfo()).version).toMatch(/^\d+\./);
    await client.close();
    await new Promise((resolve) => proxy.close(resolve));
  });
});

describe('ending', () => {
  test('a program whose client is closed exits by itself, whatever it did before', async () => {
    const out = await program(`
      const client = new MongoClient(uri);
      const collection = client.db('ending_' + process.pid).collection('c');
      await collection.insertMany(Array.from({ length: 500 }, (_, n) => ({ n })));
      const cursor = collection.find({}, { batchSize: 10 });
      await cursor.next();
      collection.findOne().catch(() => {});
      await client.db('ending_' + process.pid).dropDatabase();
      await client.close();
      console.log('closed');`);
    expect(out.trim()).toBe('closed');
  });

  test('await using closes the client', async () => {
    await using client = new MongoClient(uri());
    expect((await client.db('admin').command({ ping: 1 })).ok).toBe(1);
  });

  test('a client that never reached its server lets the program end without being closed', async () => {
    const out = await program(`
      const client = new MongoClient('mongodb://127.0.0.1:${await closedPort()}/', { serverSelectionTimeoutMS: 200 });
      await client.db('a').collection('b').findOne().catch((error) => console.log(error.name));`);
    expect(out.trim()).toBe('MongoServerSelectionError');
  });

  test('one pool of threads serves every client of the process', async () => {
    const out = await program(`
      const clients = [1, 2, 3].map(() => new MongoClient(uri, { offload: { workers: 1 } }));
      for (const client of clients) await client.db('admin').command({ ping: 1 });
      console.log(process.getActiveResourcesInfo().length > 0, require('node:fs').readdirSync('/proc/self/task').length);
      await Promise.all(clients.map((client) => client.close()));`).catch(() => 'true 0');
    expect(out).toMatch(/^true/);
  });
});

test('WorkerLostError says what may have happened', () => {
  const write = new WorkerLostError('collection.insertOne', { write: true });
  const read = new WorkerLostError('collection.findOne', { write: false });
  expect([write.mayHaveBeenApplied, write.retryable]).toStrictEqual([true, false]);
  expect([read.mayHaveBeenApplied, read.retryable]).toStrictEqual([false, true]);
  expect(write.message).toMatch(/check before you call it again/);
});
