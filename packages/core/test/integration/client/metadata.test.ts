import { MongoClient, type OffloadMongoClientOptions } from '@mongo-offload/core';
import * as native from 'mongodb';

import { uri } from '../../support/clients';
import { until } from '../../support/until';
import { WireServer } from '../../support/wire-server';

interface Driver {
  name: string;
  version: string;
}

let watcher: native.MongoClient;
let client: MongoClient;
let appName: string;
let tests = 0;

beforeAll(() => {
  watcher = new native.MongoClient(uri());
});
afterAll(async () => await watcher.close());
afterEach(async () => await client.close());

function open(options: OffloadMongoClientOptions = {}): void {
  appName = `metadata-${process.pid}-${tests++}`;
  client = new MongoClient(uri(), { appName, offload: { workers: 2 }, ...options });
}

/** How the server's connections of this client name their driver. */
async function drivers(): Promise<Driver[]> {
  const connections = await watcher
    .db('admin')
    .aggregate<{ clientMetadata: { driver: Driver } }>([
      { $currentOp: { allUsers: true, idleConnections: true } },
      { $match: { appName, 'clientMetadata.driver.name': { $exists: true } } },
    ])
    .toArray();
  return connections.map(({ clientMetadata }) => clientMetadata.driver);
}

const read = async (): Promise<unknown> => await client.db('any').collection('c').findOne();

/** Takes more connections than there are so far. */
async function readMuch(): Promise<void> {
  const slow = {
    $expr: { $function: { body: 'function () { sleep(20); return true; }', args: [], lang: 'js' } },
  };
  const collection = client.db('any').collection('metadata');
  await collection.updateOne({ _id: 1 as never }, { $set: { a: 1 } }, { upsert: true });
  await Promise.all(Array.from({ length: 12 }, () => collection.findOne(slow)));
}

test('the server knows us, and the library on us, beside the driver', async () => {
  open({ driverInfo: { name: 'some-library', version: '1.2' } });
  await read();
  const ours = (await drivers()).find(({ name }) => name.includes('mongo-offload'));
  expect(ours?.name).toBe('nodejs|some-library|mongo-offload');
  expect(ours?.version).toMatch(/^7\.\d+\.\d+\|1\.2\|\d+\.\d+\.\d+$/);
});

test('workers that are there know what process.env says when a client is first used', async () => {
  open();
  const first = client;
  await read();
  process.env.VERCEL = '1';
  try {
    open();
    await read();
    const [{ clientMetadata }] = await watcher
      .db('admin')
      .aggregate<{ clientMetadata: { env?: { name?: string } } }>([
        { $currentOp: { allUsers: true, idleConnections: true } },
        { $match: { appName, 'clientMetadata.driver.name': /mongo-offload/ } },
      ])
      .toArray();
    expect(clientMetadata.env?.name).toBe('vercel');
  } finally {
    delete process.env.VERCEL;
    await first.close();
  }
});

test('appendMetadata reaches workers that are there, workers that come, and streams’ connections', async () => {
  open();
  client.appendMetadata({ name: 'first', version: '1' });
  await read();
  expect(await drivers()).toContainEqual({
    name: 'nodejs|mongo-offload|first',
    version: expect.stringMatching(/\|1$/) as string,
  });
  client.appendMetadata({ name: 'second' });
  client.appendMetadata({ name: 'second' });
  await readMuch();
  const name = 'nodejs|mongo-offload|first|second';
  expect((await drivers()).filter((driver) => driver.name === name).length).toBeGreaterThan(1);

  client.appendMetadata({ name: 'third', platform: 'a platform' });
  const stream = client.db('any').collection('metadata').watch();
  const changed = stream.next();
  await until(async () => (await drivers()).some((driver) => driver.name === `${name}|third`));
  await client.db('any').dropDatabase();
  await changed;
  await stream.close();
});

test('as the driver, it says at once what is wrong', () => {
  open();
  expect(() => client.appendMetadata(undefined as unknown as native.DriverInfo)).toThrow(TypeError);
});

describe('a handshake that has no room for us', () => {
  /** The longest name that a handshake of the driver's own takes. */
  async function longest(): Promise<native.DriverInfo> {
    for (let length = 500; ; length--) {
      const driverInfo = { name: 'n'.repeat(length), version: '1.2' };
      const { options } = new native.MongoClient('mongodb://localhost', { driverInfo });
      const { metadata } = options as { metadata?: Promise<native.Document> };
      if ('driver' in (await metadata)!) return driverInfo;
    }
  }

  test.each(['option', 'method'])('is the driver’s own, and connects (by an %s)', async (by) => {
    const driverInfo = await longest();
    const names = new Set<string>();
    const server = await WireServer.start(({ client: metadata }) => {
      if (metadata !== undefined) {
        const { driver } = metadata as { driver?: Driver };
        names.add(driver?.name ?? 'missing');
      }
      return {};
    });
    client = new MongoClient(server.url, by === 'option' ? { driverInfo } : {});
    if (by === 'method') client.appendMetadata(driverInfo);
    await client.db('any').command({ ping: 1 });
    await client.close();
    await server.close();
    const whole = `nodejs|${driverInfo.name}`;
    expect([...names]).toStrictEqual(
      by === 'option' ? [whole] : expect.arrayContaining([whole, 'nodejs|mongo-offload']),
    );
  });
});
