import { setTimeout as delay } from 'node:timers/promises';

import {
  DeadlineExceededError,
  MongoClient,
  TransactionEndedError,
  WorkerLostError,
  type ClientSession,
  type Collection,
} from '@mongo-offload/core';
import * as native from 'mongodb';

import { openClients, uri, type Clients } from '../../support/clients';
import { Commands } from '../../support/commands';
import { killWorkers } from '../../support/crash';
import { failCommand } from '../../support/fail-point';
import { ownServer, type OwnServer } from '../../support/own-server';
import { until } from '../../support/until';
import { warningCodes, warnings, watchWarnings } from '../../support/warnings';

interface Thing extends native.Document {
  _id: number;
}

const appName = 'transaction-order-test';

let server: OwnServer;
let clients: Clients;
let client: MongoClient;
let things: Collection<Thing>;
let outside: native.Collection<Thing>;
let commands: Commands;

watchWarnings();
beforeAll(async () => {
  server = await ownServer();
  clients = openClients({ monitorCommands: true, appName, offload: { workers: 2 } });
  ({ client } = clients.ours);
  things = clients.ours.db.collection('things');
  outside = clients.native.db.collection('things');
  commands = new Commands(client);
  await clients.native.db.createCollection('things');
});
afterAll(async () => {
  await clients.close();
  await server.stop();
});
beforeEach(async () => {
  await outside.deleteMany({});
  await outside.insertMany(Array.from({ length: 10 }, (_, _id) => ({ _id, n: 0 })));
  commands.take();
});

/** Makes the server take its time over the commands of this file's client. */
const slow = async (failCommands: string[], blockTimeMS: number): Promise<() => Promise<void>> =>
  await failCommand(clients.native.client, appName, 'alwaysOn', {
    failCommands,
    blockConnection: true,
    blockTimeMS,
  });

const settled = async (promise: Promise<unknown>): Promise<unknown> =>
  await promise.then(
    (value) => value,
    (error: unknown) => error,
  );

/** Cursors that the server keeps open. */
async function openCursors(): Promise<number> {
  const { metrics } = await clients.native.db.command({ serverStatus: 1 });
  return metrics.cursor.open.total as number;
}

/** The largest number of this client's commands that were under way at once. */
function watchOverlap(): () => number {
  let now = 0;
  let most = 0;
  const began = (): void => void (most = Math.max(most, ++now));
  const ended = (): void => void (now -= 1);
  client.on('commandStarted', began);
  client.on('commandSucceeded', ended);
  client.on('commandFailed', ended);
  return () => {
    client.off('commandStarted', began);
    client.off('commandSucceeded', ended);
    client.off('commandFailed', ended);
    return most;
  };
}

describe('operations at once in one transaction', () => {
  test('are sent one behind the other, in the order of the calls, with one warning', async () => {
    const overlap = watchOverlap();
    const results = await client.transaction(
      async () =>
        await Promise.all([
          things.find({}, { sort: { _id: 1 }, batchSize: 4 }).toArray(),
          things.insertOne({ _id: 100 }),
          things.countDocuments(),
          things.findOne({ _id: 100 }),
          things.updateOne({ _id: 100 }, { $set: { n: 1 } }),
          things.aggregate([{ $match: { n: 1 } }]).toArray(),
          things.bulkWrite([{ deleteOne: { filter: { _id: 100 } } }]),
          things.findOne({ _id: 100 }),
          things.distinct('_id', { _id: { $lt: 2 } }),
        ]),
    );
    expect(results[2]).toBe(11);
    expect(results[3]).toStrictEqual({ _id: 100 });
    expect(results[5]).toStrictEqual([{ _id: 100, n: 1 }]);
    expect(results[7]).toBeNull();
    expect(results[8]).toStrictEqual([0, 1]);
    expect((results[0] as Thing[]).filter(({ _id }) => _id < 10)).toHaveLength(10);
    expect(overlap()).toBe(1);
    const names = commands.names().filter((name) => name !== 'getMore');
    expect(names).toStrictEqual([
      ...['find', 'insert', 'aggregate', 'find', 'update', 'aggregate', 'delete', 'find'],
      ...['distinct', 'commitTransaction'],
    ]);
    expect(warnings()).toHaveLength(1);
    expect(warnings()[0]).toMatch(
      /^MONGO_OFFLOAD_PARALLEL_OPERATIONS collection\.insertOne at \S+transaction-order\.test\.ts:\d+:\d+ was called while cursor\.open of the same transaction was under way/,
    );
  });

  test('many of the classic style are right as well', async () => {
    await client.withSession(async (session) => {
      await session.withTransaction(async () => {
        await Promise.all(
          Array.from({ length: 200 }, async (_, n) => {
            await things.updateOne({ _id: n % 10 }, { $inc: { n: 1 } }, { session });
          }),
        );
      });
      session.startTransaction();
      const writes = Array.from({ length: 20 }, (_, n) =>
        things.insertOne({ _id: 200 + n }, { session }),
      );
      // It waits for what was called before it.
      const commit = session.commitTransaction();
      await Promise.all([...writes, commit]);
    });
    expect((await outside.find().toArray()).reduce((sum, { n }) => sum + Number(n ?? 0), 0)).toBe(
      200,
    );
    expect(await outside.countDocuments({ _id: { $gte: 200 } })).toBe(20);
    expect(warningCodes()).toStrictEqual([
      'MONGO_OFFLOAD_PARALLEL_OPERATIONS',
      'MONGO_OFFLOAD_PARALLEL_OPERATIONS',
    ]);
  });

  test('of which one fails: what it leaves behind says so, and nothing is stored', async () => {
    const failing = client.transaction(async () => {
      const all = await Promise.allSettled([
        things.insertOne({ _id: 300 }),
        things.insertOne({ _id: 1 }),
        things.insertOne({ _id: 301 }),
      ]);
      expect(all.map(({ status }) => status)).toStrictEqual(['fulfilled', 'rejected', 'rejected']);
      throw (all[1] as PromiseRejectedResult).reason;
    });
    await expect(failing).rejects.toMatchObject({ code: 11000 });
    expect(await outside.countDocuments({ _id: { $gte: 300 } })).toBe(0);
  });

  test('long lists, which are encoded in slices, keep their turn, and may be given up meanwhile', async () => {
    const list = (from: number): Thing[] =>
      Array.from({ length: 5_000 }, (_, i) => ({ _id: from + i, text: 'x'.repeat(100) }));
    const controller = new AbortController();
    const reason = new Error('no longer wanted');
    const signal = { signal: controller.signal } as native.BulkWriteOptions;
    const results = await client.transaction(async () => {
      const all = Promise.all([
        things.insertMany(list(10_000)),
        things.countDocuments(),
        settled(things.insertMany(list(20_000), signal)),
        things.insertMany(list(30_000)),
        things.countDocuments(),
      ]);
      controller.abort(reason);
      return await all;
    });
    expect([results[1], results[2], results[4]]).toStrictEqual([5_010, reason, 10_010]);
    expect(await outside.countDocuments()).toBe(10_010);
    const failing = client.transaction(async () => {
      const first = things.insertOne({ _id: 1 });
      const lists = [settled(things.insertMany(list(40_000))), settled(things.insertMany(list(1)))];
      await first.finally(() => void Promise.all(lists));
    });
    await expect(failing).rejects.toMatchObject({ code: 11000 });
    expect(await outside.countDocuments()).toBe(10_010);
  });

  test('outside of a transaction, those of a session run side by side', async () => {
    await using session = client.startSession();
    await things.findOne({}, { session });
    const disarm = await slow(['find'], 100);
    const overlap = watchOverlap();
    await Promise.all([1, 2, 3].map((_id) => things.findOne({ _id }, { session })));
    await disarm();
    expect(overlap()).toBeGreaterThan(1);
    expect(warnings()).toStrictEqual([]);
  });
});

describe('cursors', () => {
  test('operations in a loop over one, and several at once, get through', async () => {
    const overlap = watchOverlap();
    let seen = 0;
    await client.transaction(async () => {
      const one = async (): Promise<void> => {
        for await (const { _id } of things.find({ n: 0 }, { batchSize: 2 })) {
          await things.updateOne({ _id }, { $inc: { m: 1 } });
          for await (const inner of things.find({ _id }, { batchSize: 1 }))
            seen += inner._id >= 0 ? 1 : 0;
        }
      };
      await one();
      await Promise.all([one(), one()]);
    });
    expect([seen, overlap()]).toStrictEqual([30, 1]);
    expect(await outside.countDocuments({ m: 3 })).toBe(10);
  });

  test('a stream that reads ahead waits for its turn, of which nothing is said', async () => {
    const overlap = watchOverlap();
    await client.transaction(async () => {
      for await (const thing of things.find({}, { batchSize: 1 }).stream()) {
        await things.updateOne({ _id: (thing as Thing)._id }, { $inc: { n: 1 } });
      }
    });
    expect(overlap()).toBe(1);
    expect(warnings()).toStrictEqual([]);
    expect(await outside.countDocuments({ n: 1 })).toBe(10);
  });

  test('one in a session is not read ahead: nothing of it is under way when a transaction begins', async () => {
    await using session = client.startSession();
    const seen: number[] = [];
    for await (const { _id } of things.find({}, { session, batchSize: 2, sort: { _id: 1 } })) {
      seen.push(_id);
      session.startTransaction();
      await things.updateOne({ _id }, { $inc: { n: 1 } }, { session });
      await session.commitTransaction();
    }
    expect(seen).toStrictEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(await outside.countDocuments({ n: 1 })).toBe(10);
  });

  test('one that is read when its transaction is over is refused', async () => {
    await using session = client.startSession();
    session.startTransaction();
    const cursor = things.find({}, { session, batchSize: 2 });
    await cursor.next();
    await session.commitTransaction();
    await cursor.next();
    await expect(cursor.next()).rejects.toThrow(TransactionEndedError);
    await until(async () => (await openCursors()) === 0);
    await session.commitTransaction();
  });
});

describe('an operation that waits for its turn', () => {
  const waiting = async (
    options: native.Abortable & { deadlineMS?: number },
    between?: () => void,
  ): Promise<unknown[]> => {
    const disarm = await slow(['insert'], 150);
    try {
      return await client.transaction(async () => {
        const first = things.insertOne({ _id: 400 });
        const second = settled(things.updateOne({ _id: 1 }, { $inc: { n: 1 } }, options));
        const third = things.countDocuments();
        between?.();
        const outcome = await second;
        await first;
        return [outcome, await third];
      });
    } finally {
      await disarm();
    }
  };

  test('is given up by its signal, and those behind it go on', async () => {
    const reason = new Error('no longer wanted');
    const controller = new AbortController();
    const outcome = await waiting({ signal: controller.signal }, () => controller.abort(reason));
    expect(outcome).toStrictEqual([reason, 11]);
    expect(commands.names()).toStrictEqual(['insert', 'aggregate', 'commitTransaction']);
  });

  test('is given up at its deadline, and is never sent', async () => {
    const [error, all] = await waiting({ deadlineMS: 30 });
    expect(error).toBeInstanceOf(DeadlineExceededError);
    expect(all).toBe(11);
    expect(commands.names()).toStrictEqual(['insert', 'aggregate', 'commitTransaction']);
    expect((await outside.findOne({ _id: 1 }))?.n).toBe(0);
  });

  test('is not sent any more when the transaction is aborted, which waits for the one under way', async () => {
    await using session = client.startSession();
    session.startTransaction();
    const disarm = await slow(['insert'], 100);
    const first = settled(things.insertOne({ _id: 410 }, { session }));
    const second = settled(things.insertOne({ _id: 411 }, { session }));
    await session.abortTransaction();
    await disarm();
    expect(await first).toMatchObject({ insertedId: 410 });
    expect(await second).toBeInstanceOf(TransactionEndedError);
    expect(commands.names()).toStrictEqual(['insert', 'abortTransaction']);
    expect(await outside.countDocuments({ _id: { $gte: 410 } })).toBe(0);
  });

  test('fails with the worker that it waits for', async () => {
    await using session = client.startSession();
    session.startTransaction();
    await things.findOne({ _id: 1 }, { session });
    const disarm = await slow(['insert'], 1_000);
    const all = [420, 421, 422].map((_id) => settled(things.insertOne({ _id }, { session })));
    await until(() => commands.names().includes('insert'));
    await killWorkers();
    for (const outcome of await Promise.all(all)) {
      expect(outcome).toBeInstanceOf(WorkerLostError);
      expect((outcome as WorkerLostError).hasErrorLabel('TransientTransactionError')).toBe(true);
    }
    await disarm();
    await session.abortTransaction();
  });

  test('ends with its session', async () => {
    const session = client.startSession();
    session.startTransaction();
    const disarm = await slow(['insert'], 100);
    const first = settled(things.insertOne({ _id: 430 }, { session }));
    const second = settled(things.insertOne({ _id: 431 }, { session }));
    await session.endSession();
    await disarm();
    expect(await first).toMatchObject({ insertedId: 430 });
    expect(await second).toBeInstanceOf(TransactionEndedError);
    await expect(things.findOne({}, { session })).rejects.toThrow(native.MongoExpiredSessionError);
    expect(await outside.countDocuments({ _id: { $gte: 430 } })).toBe(0);
  });

  test('ends with its client, which waits for neither', async () => {
    const other = new MongoClient(uri(), { appName: 'transaction-order-close' });
    const theirs = other.db(clients.dbName).collection<Thing>('things');
    const session = other.startSession();
    session.startTransaction();
    await theirs.findOne({ _id: 1 }, { session });
    const disarm = await failCommand(clients.native.client, 'transaction-order-close', 'alwaysOn', {
      failCommands: ['insert'],
      blockConnection: true,
      blockTimeMS: 1_500,
    });
    const first = settled(theirs.insertOne({ _id: 440 }, { session }));
    const second = settled(theirs.insertOne({ _id: 441 }, { session }));
    const started = performance.now();
    await other.close();
    expect(await second).toBeInstanceOf(native.MongoClientClosedError);
    expect(await first).toBeInstanceOf(native.MongoError);
    expect(performance.now() - started).toBeLessThan(1_300);
    await disarm();
    expect(await outside.countDocuments({ _id: { $gte: 440 } })).toBe(0);
  });
});

describe('what is given up in the midst', () => {
  test('does not leave its transaction open at the server, and the abort does not wait for it', async () => {
    const disarm = await slow(['insert'], 400);
    const started = performance.now();
    const failing = client.transaction(async () => {
      // The transaction's first: until it is answered, nothing here knows that the server has begun.
      await things.insertOne({ _id: 500 }, { deadlineMS: 40 });
    });
    await expect(failing).rejects.toThrow(DeadlineExceededError);
    expect(performance.now() - started).toBeLessThan(350);
    await disarm();
    // The server begins it when it comes to the insert, and is told to abort it then.
    await until(() => commands.names().includes('abortTransaction'));
    await outside.insertOne({ _id: 500 }, { maxTimeMS: 2_000 });
    expect(warnings()).toStrictEqual([]);
  });

  test('and was to open a cursor, leaves none behind', async () => {
    await until(async () => (await openCursors()) === 0);
    const disarm = await slow(['find'], 200);
    const failing = client.transaction(async () => {
      await things.find({}, { batchSize: 2, deadlineMS: 40 } as native.FindOptions).next();
    });
    await expect(failing).rejects.toThrow(DeadlineExceededError);
    await disarm();
    await until(() => commands.names().includes('abortTransaction'));
    await until(async () => (await openCursors()) === 0);
  });

  test('does not keep the session from its next transaction', async () => {
    await using session = client.startSession();
    for (const _id of [530, 531, 532]) {
      session.startTransaction();
      if (_id > 530) await things.updateOne({ _id: 1 }, { $inc: { n: 1 } }, { session });
      const disarm = await slow(['insert'], 200);
      const options = { session, deadlineMS: 40 } as native.InsertOneOptions;
      await expect(things.insertOne({ _id }, options)).rejects.toThrow(DeadlineExceededError);
      await session.abortTransaction();
      await disarm();
      await session.withTransaction(async () => {
        await things.insertOne({ _id: _id + 10 }, { session });
      });
    }
    expect(await outside.distinct('_id', { _id: { $gte: 530 } })).toStrictEqual([540, 541, 542]);
    await outside.updateOne({ _id: 1 }, { $inc: { n: 1 } }, { maxTimeMS: 2_000 });
    expect((await outside.findOne({ _id: 1 }))?.n).toBe(1);
  });

  test('with a client’s deadline, a transaction ends though the server does not answer', async () => {
    const limited = new MongoClient(uri(), {
      appName: 'transaction-order-deadline',
      offload: { deadlineMS: 150 },
    });
    const theirs = limited.db(clients.dbName).collection<Thing>('things');
    // Connecting may take longer.
    await theirs.findOne({}, { deadlineMS: 20_000 });
    const disarm = await failCommand(
      clients.native.client,
      'transaction-order-deadline',
      'alwaysOn',
      {
        failCommands: ['update', 'abortTransaction', 'commitTransaction'],
        blockConnection: true,
        blockTimeMS: 1_500,
      },
    );
    const started = performance.now();
    await limited.withSession(async (session: ClientSession) => {
      const failing = session.withTransaction(async () => {
        await theirs.updateOne({ _id: 1 }, { $inc: { n: 1 } }, { session });
      });
      await expect(failing).rejects.toThrow(DeadlineExceededError);
      expect(performance.now() - started).toBeLessThan(1_200);
      session.startTransaction();
      await theirs.insertOne({ _id: 510 }, { session });
      const error = (await settled(session.commitTransaction())) as DeadlineExceededError;
      expect(error).toBeInstanceOf(DeadlineExceededError);
      expect(error.hasErrorLabel('UnknownTransactionCommitResult')).toBe(true);
      await disarm();
      await until(async () => (await outside.countDocuments({ _id: 510 })) === 1);
      await until(async () => (await settled(session.commitTransaction())) === undefined);
    });
    await limited.close();
    expect((await outside.findOne({ _id: 1 }))?.n).toBe(0);
    await outside.updateOne({ _id: 1 }, { $inc: { n: 1 } }, { maxTimeMS: 5_000 });
  });

  test('an unawaited commit is waited for by what follows', async () => {
    await using session = client.startSession();
    session.startTransaction();
    await things.insertOne({ _id: 520 }, { session });
    const disarm = await slow(['commitTransaction'], 100);
    const commit = session.commitTransaction();
    const late = await settled(things.insertOne({ _id: 521 }, { session }));
    expect(late).toBeInstanceOf(TransactionEndedError);
    await commit;
    await disarm();
    await delay(0);
    await things.insertOne({ _id: 522 }, { session });
    expect(await outside.distinct('_id', { _id: { $gte: 520 } })).toStrictEqual([520, 522]);
  });
});
