import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunningReplicaSet } from '@mongo-offload/mongod';
import { MongoClient, type Collection } from 'mongodb';

let set: RunningReplicaSet;
let client: MongoClient;
let numbers: Collection;

beforeAll(async () => {
  const { startReplicaSet } = await import('@mongo-offload/mongod');
  set = await startReplicaSet();
  client = new MongoClient(set.uri, { heartbeatFrequencyMS: 500, writeConcern: { w: 'majority' } });
  numbers = client.db('replica_set').collection('numbers');
});
afterAll(async () => {
  await client?.close();
  await set?.stop();
});

/** Inserts, and retries until there is a primary. */
async function insert(n: number): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    try {
      await numbers.insertOne({ n });
      return;
    } catch (error) {
      // The driver does not retry a command that it writes to a socket whose server has just ended.
      if (Date.now() > deadline) throw error;
    }
  }
}

test('has three members that drivers reach through the proxies', async () => {
  expect(set.members).toHaveLength(3);
  await insert(0);
  const primary = await set.primary();
  expect(await primary.proxy.connections()).toBeGreaterThan(0);
  const { hosts } = await client.db('admin').command({ hello: 1 });
  expect(hosts).toStrictEqual(set.members.map(({ address }) => address));
});

test('elects another primary when the first is killed, and takes it back with its data', async () => {
  const first = await set.primary();
  await first.kill();
  expect(first.isRunning).toBe(false);
  await insert(1);
  expect(await set.primary()).not.toBe(first);
  await first.start();
  expect(first.isRunning).toBe(true);
  await set.settled();
  await using direct = new MongoClient(first.directUri, { readPreference: 'secondaryPreferred' });
  expect(await direct.db('replica_set').collection('numbers').countDocuments({ n: 0 })).toBe(1);
});

test('elects another primary when the first steps down', async () => {
  const first = await set.stepDown();
  await insert(2);
  expect(await set.settled()).not.toBe(first);
});

test('a paused member accepts connections and answers nothing', async () => {
  const primary = await set.primary();
  await using direct = new MongoClient(primary.directUri);
  await direct.connect();
  await primary.pause();
  const answer = direct.db('admin').command({ ping: 1 });
  expect(await Promise.race([answer.then(() => 'something'), delay(200, 'nothing')])).toBe(
    'nothing',
  );
  primary.resume();
  expect(await answer).toMatchObject({ ok: 1 });
  await set.settled();
});

test('a killed process leaves no server running', async () => {
  const program = `
    import { startReplicaSet } from '@mongo-offload/mongod';
    const set = await startReplicaSet({ members: 1 });
    console.log(set.members[0].directUri);
    setInterval(() => undefined, 1000);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: path.resolve(__dirname, '..'),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [uri] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
  const reaches = async (): Promise<boolean> => {
    await using watcher = new MongoClient(uri, { serverSelectionTimeoutMS: 200 });
    return await watcher.connect().then(
      () => true,
      () => false,
    );
  };
  expect(await reaches()).toBe(true);
  parent.kill('SIGKILL');
  const deadline = Date.now() + 10_000;
  while (await reaches()) {
    if (Date.now() > deadline) throw new Error('the server outlived the process that started it');
    await delay(50);
  }
});
