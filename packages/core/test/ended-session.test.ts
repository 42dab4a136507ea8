import { MongoClient } from '@mongo-offload/core';
import * as native from 'mongodb';

import { failCommand } from './support/fail-point';
import { ownServer } from './support/own-server';
import { uri } from './support/clients';

interface Thing {
  round: number;
  by: string;
}

let admin: native.MongoClient;
let stop: () => Promise<void>;

beforeAll(async () => {
  const server = await ownServer();
  stop = async () => await server.stop();
  admin = new native.MongoClient(server.uri);
}, 60_000);
afterAll(async () => {
  await admin?.close();
  await stop?.();
});

describe('a session that ends while a call in it is under way does not pass its number on', () => {
  test('when nobody awaited the call', async () => {
    await using client = new MongoClient(uri(), { offload: { workers: 2 } });
    const things = client.db('ended_session').collection<Thing>('unawaited');
    await things.insertOne({ round: -1, by: 'warm up' });
    for (let round = 0; round < 10; round++) {
      const ending = client.startSession();
      await things.findOne({}, { session: ending });
      const first = things.insertOne({ round, by: 'first' }, { session: ending });
      await ending.endSession();
      await using next = client.startSession();
      const second = things.insertOne({ round, by: 'second' }, { session: next });
      await Promise.all([first, second]);
      const stored = await things.find({ round }, { sort: { by: 1 } }).toArray();
      expect(stored.map(({ by }) => by)).toStrictEqual(['first', 'second']);
    }
  });

  test('when its caller has aborted the call', async () => {
    const appName = 'ended-session';
    await using client = new MongoClient(uri(), { appName, offload: { workers: 1 } });
    const things = client.db('ended_session').collection<Thing>('aborted');
    await things.insertOne({ round: -1, by: 'warm up' });
    const ending = client.startSession();
    await things.findOne({}, { session: ending });
    const data = { failCommands: ['insert'], blockConnection: true, blockTimeMS: 500 };
    const off = await failCommand(admin, appName, { times: 1 }, data);
    const first = things.insertOne({ round: 0, by: 'first' }, { session: ending, deadlineMS: 100 });
    await expect(first).rejects.toThrow();
    await ending.endSession();
    await using next = client.startSession();
    await things.insertOne({ round: 0, by: 'second' }, { session: next });
    await off();
    expect(await things.countDocuments({ by: 'second' })).toBe(1);
  });

  test('and one that ends after its calls is used again', async () => {
    await using client = new MongoClient(uri(), { offload: { workers: 1 } });
    const things = client.db('ended_session').collection<Thing>('again');
    const ids = new Set<string>();
    for (let round = 0; round < 5; round++) {
      await using session = client.startSession();
      ids.add(session.id!.id.toString('hex'));
      await things.insertOne({ round, by: 'again' }, { session });
    }
    expect(ids.size).toBe(1);
    expect(await things.countDocuments()).toBe(5);
  });
});
