import { MongoClient } from '@mongo-offload/core';
import type * as native from 'mongodb';

import { failCommand } from '../../support/fail-point';
import { ownServer, type OwnServer } from '../../support/own-server';
import { uri } from '../../support/clients';

interface Thing {
  round: number;
  by: string;
}

let server: OwnServer;

beforeAll(async () => {
  server = await ownServer();
});
afterAll(async () => await server?.stop());

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
    const off = await failCommand(server.admin, appName, { times: 1 }, data);
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

describe('the server session of an ended session', () => {
  /** The ids that commands of this name were sent with, one after the other. */
  function idsOf(client: MongoClient, ...names: string[]): string[] {
    const ids: string[] = [];
    client.on('commandStarted', ({ commandName, command }) => {
      if (!names.includes(commandName)) return;
      ids.push((command.lsid as { id: native.Binary }).id.toString('hex'));
    });
    return ids;
  }

  test.each([1, 2])(
    'is that of the next operation without one, with %i workers',
    async (workers) => {
      await using client = new MongoClient(uri(), { monitorCommands: true, offload: { workers } });
      const things = client.db('ended_session').collection<Thing>('reused');
      const ids = idsOf(client, 'insert', 'find');
      for (let round = 0; round < 4; round++) {
        const session = client.startSession();
        await things.insertOne({ round, by: 'explicit' }, { session });
        await session.endSession();
        await things.find({ round }).toArray();
      }
      expect(ids).toHaveLength(8);
      for (let i = 0; i < 8; i += 2) expect(ids[i + 1]).toBe(ids[i]);
      // Sessions are used again; none is made for each round.
      expect(new Set(ids).size).toBeLessThanOrEqual(1 + workers);
    },
  );

  test('is used by one operation at a time, and never twice with one transaction number', async () => {
    await using client = new MongoClient(uri(), {
      monitorCommands: true,
      offload: { workers: 2 },
    });
    const things = client.db('ended_session').collection<Thing>('mixed');
    const used = new Set<string>();
    const underWay = new Map<string, number>();
    const faults: string[] = [];
    const begun = new Map<number, string>();
    client.on('commandStarted', ({ command, requestId }) => {
      if (command.lsid === undefined) return;
      const id = (command.lsid as { id: native.Binary }).id.toString('hex');
      const number = `${id} ${String(command.txnNumber)}`;
      if (command.txnNumber !== undefined && used.has(number)) faults.push(`twice ${number}`);
      used.add(number);
      if (underWay.has(id)) faults.push(`two at once ${id}`);
      underWay.set(id, requestId);
      begun.set(requestId, id);
    });
    client.on('commandSucceeded', ({ requestId }) => underWay.delete(begun.get(requestId)!));
    const turn = async (by: string, round: number): Promise<void> => {
      await client.withSession(async (session) => {
        await things.insertOne({ round, by: `${by} explicit` }, { session });
      });
      await things.insertOne({ round, by: `${by} implicit` });
    };
    await Promise.all(
      ['a', 'b', 'c', 'd', 'e', 'f'].map(async (by) => {
        for (let round = 0; round < 20; round++) await turn(by, round);
      }),
    );
    expect(faults).toStrictEqual([]);
    expect(await things.countDocuments()).toBe(240);
  });
});
