import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { startMongod } from '@mongo-offload/mongod';

// These tests start their own servers, which MONGODB_URI would prevent.
const describeWithOwnServer = process.env.MONGODB_URI ? describe.skip : describe;

describeWithOwnServer('a mongod that was started', () => {
  // Without this, the data of a killed process would stay until a later start.
  const temporary = mkdtempSync(path.join(os.tmpdir(), 'lifetime-'));
  afterAll(() => rmSync(temporary, { recursive: true, force: true }));

  test('is a replica set on which transactions work, and is gone after stop()', async () => {
    await using mongod = await startMongod();
    const client = new MongoClient(mongod.uri, { serverSelectionTimeoutMS: 2000 });
    try {
      const numbers = client.db('lifetime').collection('numbers');
      await client.withSession((session) =>
        session.withTransaction(() => numbers.insertOne({ n: 1 }, { session })),
      );
      await expect(numbers.countDocuments()).resolves.toBe(1);
    } finally {
      await client.close();
    }
    await mongod.stop();
    await mongod.stop();
    await expect(
      MongoClient.connect(mongod.uri, { serverSelectionTimeoutMS: 500 }),
    ).rejects.toThrow();
  });

  test.concurrent.each<[string, (parent: ChildProcess) => unknown]>([
    ['exits without stopping it', (parent) => parent.stdin?.end('exit\n')],
    ['throws', (parent) => parent.stdin?.end('throw\n')],
    ['gets SIGINT', (parent) => parent.kill('SIGINT')],
    ['gets SIGTERM', (parent) => parent.kill('SIGTERM')],
    ['gets SIGKILL', (parent) => parent.kill('SIGKILL')],
  ])('does not outlive a process that %s', async (_how, end) => {
    const parent = spawn(process.execPath, [path.join(__dirname, 'holder.mjs')], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { ...process.env, TMPDIR: temporary },
    });
    const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
    const pids = JSON.parse(line) as number[];
    expect(pids).toHaveLength(1);
    expect(pids.filter(isAlive)).toEqual(pids);

    const exited = once(parent, 'exit');
    end(parent);
    await exited;
    // The watcher checks every two seconds, and a clean shutdown takes about one.
    const deadline = Date.now() + 20_000;
    while (pids.some(isAlive) && Date.now() < deadline) await sleep(100);
    expect(pids.filter(isAlive)).toEqual([]);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
