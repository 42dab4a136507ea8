import { ClientSession, MongoClient, NO_SESSION, type Collection } from '@mongo-offload/core';
import * as native from 'mongodb';

import { openClients, uri, type Clients } from '../../support/clients';

interface Account {
  _id: number;
  balance: number;
}

let clients: Clients;
let ours: Collection<Account>;
let theirs: native.Collection<Account>;

beforeAll(() => {
  clients = openClients({ offload: { workers: 2 } });
});
afterAll(async () => await clients.close());
beforeEach(async () => {
  await clients.native.db.dropDatabase();
  ours = clients.ours.db.collection('accounts');
  theirs = clients.native.db.collection('accounts');
  await theirs.insertMany([1, 2, 3, 4].map((_id) => ({ _id, balance: 100 })));
});

const total = async (): Promise<number> =>
  (await theirs.find().toArray()).reduce((sum, { balance }) => sum + balance, 0);

describe('a session', () => {
  test('is one of the driver’s class, with an id at once', async () => {
    const session = clients.ours.client.startSession();
    expect(session).toBeInstanceOf(ClientSession);
    expect(session).toBeInstanceOf(native.ClientSession);
    expect(session.id?.id.buffer).toHaveLength(16);
    expect([session.hasEnded, session.inTransaction()]).toStrictEqual([false, false]);
    let ended = 0;
    session.on('ended', () => ended++);
    await session.endSession();
    await session.endSession();
    expect([session.hasEnded, ended]).toStrictEqual([true, 1]);
  });

  test('carries operation and cluster time from one operation to the next', async () => {
    await using session = clients.ours.client.startSession({ causalConsistency: true });
    expect(session.operationTime).toBeUndefined();
    await ours.insertOne({ _id: 9, balance: 1 }, { session });
    const first = session.operationTime!;
    expect(first).toBeInstanceOf(native.Timestamp);
    expect(session.clusterTime?.clusterTime).toBeInstanceOf(native.Timestamp);
    await ours.updateOne({ _id: 9 }, { $inc: { balance: 1 } }, { session });
    expect(session.operationTime!.greaterThan(first)).toBe(true);
    expect(await ours.find({ _id: 9 }, { session }).toArray()).toStrictEqual([
      { _id: 9, balance: 2 },
    ]);
    const other = clients.ours.client.startSession();
    other.advanceClusterTime(session.clusterTime!);
    other.advanceOperationTime(session.operationTime!);
    expect(await ours.findOne({ _id: 9 }, { session: other })).toStrictEqual({
      _id: 9,
      balance: 2,
    });
    await other.endSession();
  });

  test('times that a program sets on it, and numbers that it skips, go along', async () => {
    await using session = clients.ours.client.startSession();
    await ours.findOne({ _id: 1 }, { session });
    const now = session.operationTime!.t;
    Object.assign(session, { operationTime: new native.Timestamp({ t: now + 86_400, i: 1 }) });
    await expect(ours.findOne({ _id: 1 }, { session })).rejects.toThrow('afterClusterTime');
    await using numbered = clients.ours.client.startSession();
    const number = (): number => numbered.serverSession.txnNumber;
    await ours.updateOne({ _id: 1 }, { $set: { balance: 100 } }, { session: numbered });
    const first = number();
    numbered.incrementTransactionNumber();
    await ours.updateOne({ _id: 1 }, { $set: { balance: 100 } }, { session: numbered });
    expect(number()).toBe(first + 2);
  });

  test('what is no time at all is refused by the server, and hurts nobody else', async () => {
    const { client } = clients.ours;
    await using other = client.startSession();
    await ours.findOne({ _id: 1 }, { session: other });
    for (const isUsed of [false, true]) {
      await using session = client.startSession();
      if (isUsed) await ours.findOne({ _id: 1 }, { session });
      Object.assign(session, { clusterTime: { clusterTime: { greaterThan: () => true } } });
      const error: unknown = await ours.findOne({}, { session }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(native.MongoServerError);
      expect(await ours.findOne({ _id: 1 }, { session: other })).not.toBeNull();
      expect(await ours.findOne({ _id: 1 })).not.toBeNull();
    }
  });

  test('its id is reused when it has ended, as the driver does', async () => {
    const ids = new Set<string>();
    for (let i = 0; i < 5; i++) {
      await clients.ours.client.withSession(async (session) => {
        await session.withTransaction(async () => {
          await ours.updateOne({ _id: 1 }, { $inc: { balance: 1 } }, { session });
        });
        ids.add(session.id!.id.toString('hex'));
      });
    }
    expect(ids.size).toBe(1);
    expect((await theirs.findOne({ _id: 1 }))?.balance).toBe(105);
  });

  test('close() ends at the server what was used, and no other', async () => {
    const client = new MongoClient(uri(), { monitorCommands: true });
    const ended: string[] = [];
    client.on('commandStarted', ({ commandName, command }) => {
      if (commandName !== 'endSessions') return;
      for (const { id } of command.endSessions as { id: native.UUID }[]) {
        ended.push(id.toString('hex'));
      }
    });
    const session = client.startSession();
    const id = session.id!.id.toString('hex');
    await client.db('admin').command({ ping: 1 }, { session });
    await session.endSession();
    await client.close();
    expect(ended).toStrictEqual([id]);
  });

  test('a snapshot session reads one point in time', async () => {
    await using session = clients.ours.client.startSession({ snapshot: true });
    expect(await ours.countDocuments({}, { session })).toBe(4);
    await theirs.insertOne({ _id: 8, balance: 0 });
    expect(await ours.countDocuments({}, { session })).toBe(4);
    expect(await ours.countDocuments()).toBe(5);
    expect(() => session.startTransaction()).toThrow(native.MongoCompatibilityError);
  });

  test('of another client, an ended one and a foreign one are refused', async () => {
    const other = new MongoClient(uri());
    const foreign = other.startSession();
    await expect(ours.findOne({}, { session: foreign })).rejects.toThrow(
      native.MongoInvalidArgumentError,
    );
    await expect(ours.find({}, { session: foreign }).toArray()).rejects.toThrow(
      'ClientSession must be from the same MongoClient',
    );
    const session = clients.ours.client.startSession();
    await session.endSession();
    for (const [refused, words] of [
      [foreign, 'ClientSession must be from the same MongoClient'],
      [session, 'Use of expired sessions is not permitted'],
    ] as const) {
      for (const write of [
        ours.insertMany([{ _id: 7, balance: 0 }], { session: refused }),
        ours.initializeOrderedBulkOp({ session: refused }).insert({ _id: 7 }).execute(),
      ]) {
        const error = (await write.catch((thrown: unknown) => thrown)) as Error;
        expect([error.name, error.message]).toStrictEqual(['MongoBulkWriteError', words]);
      }
    }
    await other.close();
    await expect(ours.insertOne({ _id: 7, balance: 0 }, { session })).rejects.toThrow(
      native.MongoExpiredSessionError,
    );
    await expect(ours.aggregate([], { session }).toArray()).rejects.toThrow(
      native.MongoExpiredSessionError,
    );
  });

  test('of a client that is closed is refused for the client, as the driver does', async () => {
    const errors: unknown[] = [];
    for (const Client of [native.MongoClient, MongoClient]) {
      const client = new Client(uri());
      const rows = client.db(clients.dbName).collection('accounts');
      await rows.findOne();
      const session = client.startSession();
      await client.close();
      errors.push(await rows.findOne({}, { session }).catch((error: unknown) => error));
    }
    expect(errors[1]).toBeInstanceOf(native.MongoNotConnectedError);
    expect((errors[1] as Error).message).toBe((errors[0] as Error).message);
  });

  test('an unacknowledged write in it is refused with the driver’s words', async () => {
    await using session = clients.ours.client.startSession();
    const write = ours.insertOne({ _id: 7, balance: 0 }, { session, writeConcern: { w: 0 } });
    await expect(write).rejects.toThrow('Cannot have explicit session with unacknowledged writes');
  });
});

describe('a transaction', () => {
  test('is seen inside and not outside before it commits', async () => {
    await using session = clients.ours.client.startSession();
    session.startTransaction();
    expect(session.inTransaction()).toBe(true);
    await ours.insertOne({ _id: 5, balance: 5 }, { session });
    expect(await ours.findOne({ _id: 5 }, { session })).toStrictEqual({ _id: 5, balance: 5 });
    expect(await ours.findOne({ _id: 5 }, { session: NO_SESSION })).toBeNull();
    await session.commitTransaction();
    expect(session.inTransaction()).toBe(false);
    expect(await ours.findOne({ _id: 5 })).toStrictEqual({ _id: 5, balance: 5 });
    await session.commitTransaction();
  });

  test('leaves nothing when it is aborted, whatever was done in it', async () => {
    await using session = clients.ours.client.startSession();
    session.startTransaction({
      readConcern: { level: 'snapshot' },
      writeConcern: { w: 'majority' },
    });
    await ours.updateMany({}, { $set: { balance: 0 } }, { session });
    await ours.bulkWrite([{ deleteOne: { filter: { _id: 1 } } }], { session });
    await ours.findOneAndDelete({ _id: 2 }, { session });
    const bulk = ours.initializeOrderedBulkOp({ session });
    bulk.insert({ _id: 6, balance: 1 });
    bulk.find({ _id: 3 }).deleteOne();
    expect((await bulk.execute()).insertedCount).toBe(1);
    const read: number[] = [];
    for await (const { _id } of ours.find({}, { session, batchSize: 1, sort: { _id: 1 } }))
      read.push(_id);
    expect(read).toStrictEqual([4, 6]);
    expect(await ours.aggregate([{ $count: 'n' }], { session }).toArray()).toStrictEqual([
      { n: 2 },
    ]);
    await session.abortTransaction();
    await expect(session.abortTransaction()).rejects.toThrow('Cannot call abortTransaction twice');
    await expect(session.commitTransaction()).rejects.toThrow(native.MongoTransactionError);
    expect(await total()).toBe(400);
  });

  test('empty ones commit and abort without the server', async () => {
    await using session = clients.ours.client.startSession();
    session.startTransaction();
    await session.commitTransaction();
    session.startTransaction();
    await session.abortTransaction();
    await expect(clients.ours.client.startSession().commitTransaction()).rejects.toThrow(
      'No transaction started',
    );
    session.startTransaction();
    expect(() => session.startTransaction()).toThrow('Transaction already in progress');
    await ours.updateOne({ _id: 1 }, { $inc: { balance: 1 } }, { session });
    await session.commitTransaction();
    expect(await total()).toBe(401);
  });

  test('that was empty has nothing to do with what comes behind it', async () => {
    await using session = clients.ours.client.startSession();
    for (const end of ['commitTransaction', 'abortTransaction'] as const) {
      session.startTransaction();
      await session[end]();
      await ours.updateOne({ _id: 1 }, { $inc: { balance: 1 } }, { session });
      expect(session.inTransaction()).toBe(false);
      session.startTransaction();
      await ours.updateOne({ _id: 2 }, { $inc: { balance: 1 } }, { session });
      await session.abortTransaction();
    }
    expect(await total()).toBe(402);
  });

  test('is acknowledged whatever its collections say', async () => {
    await using session = clients.ours.client.startSession();
    const silent = clients.ours.db.collection<Account>('accounts', { writeConcern: { w: 0 } });
    session.startTransaction();
    const one = await silent.insertOne({ _id: 5, balance: 0 }, { session });
    const many = await silent.insertMany([{ _id: 6, balance: 0 }], { session });
    await session.commitTransaction();
    expect([one.acknowledged, many.acknowledged]).toStrictEqual([true, true]);
  });

  test('ends with its session', async () => {
    const session = clients.ours.client.startSession();
    session.startTransaction();
    await ours.updateOne({ _id: 1 }, { $inc: { balance: 1 } }, { session });
    await session.endSession();
    expect(await total()).toBe(400);
    await ours.updateOne({ _id: 1 }, { $inc: { balance: 1 } });
  });

  test('withTransaction gives the function’s result, and aborts what throws', async () => {
    const { client } = clients.ours;
    const result = await client.withSession(
      async (session) =>
        await session.withTransaction(async (same) => {
          expect(same).toBe(session);
          await ours.updateOne({ _id: 1 }, { $inc: { balance: -10 } }, { session });
          await ours.updateOne({ _id: 2 }, { $inc: { balance: 10 } }, { session });
          return 'moved';
        }),
    );
    expect(result).toBe('moved');
    const thrown = new RangeError('not enough');
    const failing = client.withSession(
      async (session) =>
        await session.withTransaction(async () => {
          await ours.updateOne({ _id: 1 }, { $inc: { balance: -50 } }, { session });
          throw thrown;
        }),
    );
    await expect(failing).rejects.toBe(thrown);
    expect(await total()).toBe(400);
    expect((await theirs.findOne({ _id: 1 }))?.balance).toBe(90);
  });

  test('a write conflict carries its label, and withTransaction tries again', async () => {
    const { client } = clients.ours;
    let attempts = 0;
    await using first = client.startSession();
    await using second = client.startSession();
    first.startTransaction();
    await ours.updateOne({ _id: 1 }, { $inc: { balance: 1 } }, { session: first });
    second.startTransaction();
    const conflict = (await ours
      .updateOne({ _id: 1 }, { $inc: { balance: 1 } }, { session: second })
      .catch((error: unknown) => error)) as native.MongoServerError;
    expect(conflict.hasErrorLabel('TransientTransactionError')).toBe(true);
    expect(conflict.code).toBe(112);
    await second.abortTransaction();
    const retried = client.withSession(
      async (session) =>
        await session.withTransaction(async () => {
          attempts += 1;
          if (attempts === 2) await first.commitTransaction();
          await ours.updateOne({ _id: 1 }, { $inc: { balance: 1 } }, { session });
        }),
    );
    await retried;
    expect(attempts).toBeGreaterThanOrEqual(2);
    expect((await theirs.findOne({ _id: 1 }))?.balance).toBe(102);
  });

  test('many at once keep the sum', async () => {
    const { client } = clients.ours;
    const transfer = async (n: number): Promise<void> =>
      await client.withSession(async (session) => {
        await session.withTransaction(async () => {
          const [from, to] = [1 + (n % 4), 1 + ((n * 3 + 1) % 4)];
          await ours.updateOne({ _id: from }, { $inc: { balance: -n } }, { session });
          await ours.updateOne({ _id: to }, { $inc: { balance: n } }, { session });
        });
      });
    await Promise.all(Array.from({ length: 30 }, async (_, n) => await transfer(n)));
    expect(await total()).toBe(400);
  });

  test('a commit whose outcome is unknown says so by its label', async () => {
    await using session = clients.ours.client.startSession();
    session.startTransaction();
    await ours.updateOne({ _id: 1 }, { $inc: { balance: 1 } }, { session });
    const admin = clients.native.client.db('admin');
    const data = { failCommands: ['commitTransaction'], closeConnection: true };
    await admin.command({ configureFailPoint: 'failCommand', mode: { times: 2 }, data });
    try {
      const error = (await session
        .commitTransaction()
        .catch((thrown: unknown) => thrown)) as native.MongoError;
      expect(error).toBeInstanceOf(native.MongoNetworkError);
      expect(error.hasErrorLabel('UnknownTransactionCommitResult')).toBe(true);
      await session.commitTransaction();
      expect(await total()).toBe(401);
    } finally {
      await admin.command({ configureFailPoint: 'failCommand', mode: 'off' });
    }
  });
});

test('operations that have one connection between them use one session', async () => {
  const client = new MongoClient(uri(), { maxPoolSize: 1, monitorCommands: true });
  const sessions = new Set<string>();
  client.on('commandStarted', ({ commandName, command }) => {
    if (commandName !== 'insert') return;
    sessions.add((command.lsid as { id: native.Binary }).id.toString('hex'));
  });
  const accounts = client.db(clients.dbName).collection<Account>('accounts');
  const writes = Array.from({ length: 20 }, (_, i) => accounts.insertOne({ _id: -i, balance: 0 }));
  await Promise.all(writes);
  expect(sessions.size).toBe(1);
  await client.close();
});

test('closing the client ends its sessions and their transactions', async () => {
  const client = new MongoClient(uri());
  const session = client.startSession();
  session.startTransaction();
  const accounts = client.db(clients.dbName).collection<Account>('accounts');
  await accounts.updateOne({ _id: 1 }, { $inc: { balance: 1 } }, { session });
  await client.close();
  expect(session.hasEnded).toBe(true);
  expect(await total()).toBe(400);
  await ours.updateOne({ _id: 1 }, { $inc: { balance: 1 } }, { maxTimeMS: 5_000 });
});

describe('bulk operations', () => {
  test.each(['initializeOrderedBulkOp', 'initializeUnorderedBulkOp'] as const)(
    '%s',
    async (initialize) => {
      const results = [];
      await clients.ours.client.connect();
      await clients.native.client.connect();
      for (const collection of [ours, theirs] as native.Collection<Account>[]) {
        await theirs.deleteMany({});
        const bulk = collection[initialize]();
        bulk.insert({ _id: 1, balance: 1 });
        bulk.insert({ _id: 2, balance: 2 });
        bulk.find({ _id: 1 }).updateOne({ $set: { balance: 5 } });
        bulk.find({ _id: 9 }).upsert().replaceOne({ balance: 9 });
        bulk.find({ _id: 2 }).delete();
        bulk.raw({ insertOne: { document: { _id: 3, balance: 3 } as native.Document } });
        expect(bulk.length).toBe(6);
        results.push(Object.entries(await bulk.execute()));
        await expect(bulk.execute()).rejects.toThrow(native.MongoBatchReExecutionError);
      }
      expect(results[0]).toStrictEqual(results[1]);
      const failing = ours[initialize]();
      const again = { _id: 1, balance: 0 };
      failing.insert(again);
      const error = (await failing
        .execute()
        .catch((thrown: unknown) => thrown)) as native.MongoBulkWriteError;
      expect(error).toBeInstanceOf(native.MongoBulkWriteError);
      expect((error.writeErrors as native.WriteError[])[0].getOperation()).toBe(again);
      await expect(ours[initialize]().execute()).rejects.toThrow('Batch cannot be empty');
    },
  );
});
