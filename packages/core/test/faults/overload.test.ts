import { AsyncLocalStorage } from 'node:async_hooks';

import {
  DeadlineExceededError,
  MongoClient,
  OffloadOptionError,
  OverloadedError,
  type Collection,
  type OffloadMongoClientOptions,
} from '@mongo-offload/core';
import * as native from 'mongodb';

import { uri } from '../support/clients';
import { crash } from '../support/crash';
import { HeldDocument } from '../support/held-document';
import { WorkerPool } from '../support/internals';
import { roundTrips } from '../support/round-trips';
import { slowly, underWay } from '../support/slow';
import { until } from '../support/until';

interface Row {
  _id: number;
}

const dbName = `overload_${process.pid}`;
let admin: native.MongoClient;
let held: HeldDocument;
let client: MongoClient;

beforeAll(() => {
  admin = new native.MongoClient(uri());
});
beforeEach(async () => {
  held = await HeldDocument.hold(admin, dbName);
});
afterEach(async () => {
  await held.release();
  await client.close(true);
  await admin.db(dbName).dropDatabase();
});
afterAll(async () => await admin.close());

/** A client of this test with such limits; and the rows that it writes. */
function open(
  limits: { maxInFlight?: number; maxQueued?: number; deadlineMS?: number },
  options: OffloadMongoClientOptions = {},
): { rows: Collection<Row>; blocked: Collection } {
  client = new MongoClient(uri(), { ...options, offload: limits });
  const db = client.db(dbName);
  return { rows: db.collection<Row>('rows'), blocked: db.collection('held') };
}

const stored = async (): Promise<number> =>
  await admin.db(dbName).collection('rows').countDocuments();

describe('a bound on operations', () => {
  test('the first run, the others wait, and all get their results', async () => {
    const { rows, blocked } = open({ maxInFlight: 2 });
    const first = [await held.update(blocked), await held.update(blocked)];
    const inserts = Array.from({ length: 50 }, (_, _id) => rows.insertOne({ _id }));
    await roundTrips(admin);
    expect(await stored()).toBe(0);
    const { client: load } = await client.offload.stats();
    expect(load).toStrictEqual({ inFlight: 2, queued: 50 });
    await held.release();
    const ids = await Promise.all(inserts.map(async (insert) => (await insert).insertedId));
    expect(ids).toStrictEqual(Array.from({ length: 50 }, (_, _id) => _id));
    expect(await stored()).toBe(50);
    expect((await client.offload.stats()).client).toStrictEqual({ inFlight: 0, queued: 0 });
    for (const { result } of first) expect((await result).modifiedCount).toBe(1);
  });

  test('they are sent in the order of their calls, no more than so many at once', async () => {
    const { rows } = open({ maxInFlight: 3 }, { monitorCommands: true, maxPoolSize: 1 });
    await rows.findOne();
    let called = 0;
    const operations: Promise<unknown>[] = [];
    const call = (): void => {
      const _id = called++;
      operations.push(_id % 5 === 4 ? rows.find({ _id }).toArray() : rows.insertOne({ _id }));
    };
    const sent: number[] = [];
    client.on('commandStarted', ({ commandName, command }) => {
      if (commandName === 'insert') sent.push((command.documents as Row[])[0]._id);
      if (commandName === 'find') sent.push((command.filter as Row)._id);
    });
    // Some called together, others when an answer has come: none may overtake.
    for (let i = 0; i < 20; i++) call();
    while (called < 200) {
      await Promise.race(operations.slice(-3));
      for (let i = 0; i < 1 + (called % 7); i++) call();
      await Promise.resolve();
      call();
    }
    await Promise.all(operations);
    expect(sent).toStrictEqual(Array.from({ length: called }, (_, n) => n));
  });

  test('never are more under way than so many', async () => {
    const { rows } = open({ maxInFlight: 3 }, { monitorCommands: true });
    let now = 0;
    let most = 0;
    client.on('commandStarted', () => (most = Math.max(most, ++now)));
    client.on('commandSucceeded', () => (now -= 1));
    await Promise.all(Array.from({ length: 100 }, (_, _id) => rows.insertOne({ _id })));
    expect(most).toBe(3);
  });

  test('one that waited keeps its caller’s async context and stack', async () => {
    const { rows, blocked } = open({ maxInFlight: 1 }, { monitorCommands: true });
    const callers = new AsyncLocalStorage<number>();
    const heard: unknown[] = [];
    client.on('commandStarted', ({ commandName }) => {
      if (commandName === 'insert') heard.push(callers.getStore());
    });
    await rows.insertOne({ _id: 1 });
    const { result } = await held.update(blocked);
    const inserts = [2, 3].map((_id) => callers.run(_id, () => rows.insertOne({ _id })));
    async function theCaller(): Promise<void> {
      await rows.insertOne({ _id: 1 });
    }
    const failing = theCaller().catch((error: unknown) => error as Error);
    await held.release();
    await Promise.all([result, ...inserts]);
    expect(heard.slice(1, 3)).toStrictEqual([2, 3]);
    const error = await failing;
    expect(error).toBeInstanceOf(native.MongoServerError);
    expect((error as Error).stack).toContain('theCaller');
  });

  test('where a worker dies, what it had runs again, and what waits goes on', async () => {
    const { rows } = open({ maxInFlight: 2 });
    await rows.insertOne({ _id: 1 });
    const comment = `overload ${process.pid}`;
    const slow = [1, 2].map(() => rows.find(slowly(200), { comment }).toArray());
    await underWay(admin, comment);
    const waiting = Array.from({ length: 10 }, () => rows.findOne({ _id: 1 }));
    for (const thread of WorkerPool.running?.threads ?? []) crash(thread, 'exit');
    expect(await Promise.all(slow)).toStrictEqual([[{ _id: 1 }], [{ _id: 1 }]]);
    expect(await Promise.all(waiting)).toStrictEqual(Array(10).fill({ _id: 1 }));
    expect(await rows.findOne({ _id: 1 })).toStrictEqual({ _id: 1 });
  });
});

describe('what is called beyond the bound', () => {
  test('rejects at once; nothing of it is sent', async () => {
    const { rows, blocked } = open({ maxInFlight: 1, maxQueued: 2 });
    const { result } = await held.update(blocked);
    const waiting = [1, 2].map((_id) => rows.insertOne({ _id }));
    const refused = [
      rows.insertOne({ _id: 3 }),
      rows.findOne({ _id: 3 }),
      rows.find().toArray(),
      rows.insertMany(Array.from({ length: 20_000 }, (_, n) => ({ _id: 10 + n }))),
      rows.initializeOrderedBulkOp().insert({ _id: 4 }).execute(),
      rows.find().explain(),
      rows.find({}, { session: client.startSession() }).next(),
    ];
    for (const operation of refused) {
      const error = await operation.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(OverloadedError);
      expect(error).toBeInstanceOf(native.MongoError);
      expect(error).toMatchObject({
        name: 'OverloadedError',
        code: 'MONGO_OFFLOAD_OVERLOADED',
        inFlight: 1,
        queued: 2,
        message: expect.stringMatching(/was not sent.*at most 1 \(offload.maxInFlight\) and 2/),
      });
    }
    await held.release();
    await Promise.all([result, ...waiting]);
    expect(await stored()).toBe(2);
    expect(await rows.findOne({ _id: 2 })).toStrictEqual({ _id: 2 });
  });

  test('with maxQueued 0, nothing waits', async () => {
    const { rows, blocked } = open({ maxInFlight: 1, maxQueued: 0 });
    const { result } = await held.update(blocked);
    await expect(rows.findOne()).rejects.toThrow(OverloadedError);
    await held.release();
    await result;
    expect(await rows.findOne()).toBeNull();
  });

  test.each([
    { maxInFlight: 0 },
    { maxInFlight: 1.5 },
    { maxInFlight: Infinity },
    { maxQueued: -1 },
    { closeGraceMS: -1 },
    { closeGraceMS: '5' as unknown as number },
  ])('%j is refused when the client is made', (offload) => {
    client = new MongoClient(uri());
    expect(() => new MongoClient(uri(), { offload })).toThrow(OffloadOptionError);
  });
});

describe('what others may wait for does not wait', () => {
  test('an open transaction goes on, and is committed', async () => {
    const { rows, blocked } = open({ maxInFlight: 1, maxQueued: 1 });
    const session = client.startSession();
    session.startTransaction();
    await rows.insertOne({ _id: 1 }, { session });
    const { result } = await held.update(blocked);
    const waiting = rows.insertOne({ _id: 9 });
    await rows.insertOne({ _id: 2 }, { session });
    expect(await rows.find({}, { session, batchSize: 1 }).toArray()).toHaveLength(2);
    await session.commitTransaction();
    expect(await stored()).toBe(2);
    // One that only begins is refused as any other, and can be aborted.
    session.startTransaction();
    await expect(rows.insertOne({ _id: 3 }, { session })).rejects.toThrow(OverloadedError);
    await session.abortTransaction();
    await held.release();
    await Promise.all([result, waiting]);
    await session.endSession();
    expect(await stored()).toBe(3);
  });

  test('an update that waits for a transaction’s lock does not keep the transaction from its end', async () => {
    const { rows } = open({ maxInFlight: 1 });
    await rows.insertOne({ _id: 1 });
    const outside = rows as unknown as Collection<{ _id: number; by?: string }>;
    const comment = `lock ${process.pid}`;
    let blocked: Promise<unknown> | undefined;
    await client.withSession(async (session) => {
      await session.withTransaction(async () => {
        await outside.updateOne({ _id: 1 }, { $set: { by: 'transaction' } }, { session });
        blocked ??= outside.updateOne(
          { _id: 1 },
          { $set: { by: 'other' } },
          { comment, session: client.startSession() },
        );
        await underWay(admin, comment);
        await outside.findOne({ _id: 1 }, { session });
      });
    });
    await blocked;
    expect(await outside.findOne({ _id: 1 })).toStrictEqual({ _id: 1, by: 'other' });
  });

  test('an open cursor is read and closed; a change stream opens and is read', async () => {
    const { rows, blocked } = open({ maxInFlight: 1, maxQueued: 0 });
    await rows.insertMany(Array.from({ length: 10 }, (_, _id) => ({ _id })));
    const cursor = rows.find({}, { batchSize: 2 });
    const left = rows.find({}, { batchSize: 2 });
    await cursor.next();
    await left.next();
    const { result } = await held.update(blocked);
    expect(await cursor.toArray()).toHaveLength(9);
    await left.close();
    const stream = rows.watch();
    let change: native.ChangeStreamDocument | undefined;
    const arrived = stream.next().then((document) => (change = document));
    await until(async () => {
      await admin.db(dbName).collection('rows').insertOne({});
      return change !== undefined;
    });
    await arrived;
    expect(change).toMatchObject({ operationType: 'insert' });
    await stream.close();
    await client.connect();
    await client.waitUntilReady();
    await held.release();
    await result;
  });
});

describe('one that waits', () => {
  test('is given up by its signal, and leaves its place to another', async () => {
    const { rows, blocked } = open({ maxInFlight: 1, maxQueued: 1 });
    const { result } = await held.update(blocked);
    const controller = new AbortController();
    const reason = new Error('no longer wanted');
    const waiting = [
      rows.findOne({}, { signal: controller.signal }).catch((error: unknown) => error),
    ];
    await expect(rows.findOne()).rejects.toThrow(OverloadedError);
    controller.abort(reason);
    expect(await waiting[0]).toBe(reason);
    const next = rows.insertOne({ _id: 1 });
    await held.release();
    await Promise.all([result, next]);
    expect(await stored()).toBe(1);
  });

  test('is ended by its deadline, which says that nothing was sent', async () => {
    const { rows, blocked } = open({ maxInFlight: 1 });
    const { result } = await held.update(blocked);
    const error = await rows
      .insertOne({ _id: 1 }, { deadlineMS: 50 })
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DeadlineExceededError);
    expect(error).toMatchObject({ mayHaveBeenApplied: false, deadlineMS: 50 });
    await held.release();
    await result;
    expect(await stored()).toBe(0);
  });

  test('begins when one under way is really over, not when its caller has given it up', async () => {
    const { rows, blocked } = open({ maxInFlight: 1 });
    const controller = new AbortController();
    const { result } = await held.update(blocked, { signal: controller.signal });
    const insert = rows.insertOne({ _id: 1 });
    const reason = new Error('no longer wanted');
    controller.abort(reason);
    await expect(result).rejects.toBe(reason);
    await roundTrips(admin);
    expect(await stored()).toBe(0);
    await held.release();
    await insert;
    expect(await stored()).toBe(1);
  });

  test('ends with the driver’s error where the client is closed', async () => {
    const { rows, blocked } = open({ maxInFlight: 1 });
    const { result } = await held.update(blocked);
    const waiting = [rows.insertOne({ _id: 1 }), rows.find().toArray()].map(async (operation) => {
      await expect(operation).rejects.toThrow(native.MongoClientClosedError);
    });
    await client.close();
    await Promise.all(waiting);
    await expect(result).rejects.toThrow(native.MongoClientClosedError);
    expect(await stored()).toBe(0);
    await client.connect();
    await rows.insertOne({ _id: 2 });
    expect(await stored()).toBe(1);
  });
});

test('one that is given up in the moment in which its place comes leaves no place taken', async () => {
  const { rows } = open({ maxInFlight: 1 }, { monitorCommands: true });
  await rows.insertOne({ _id: 1 });
  const controller = new AbortController();
  // Told as the answer arrives, before it makes room.
  client.once('commandSucceeded', () => controller.abort(new Error('given up')));
  const first = rows.insertOne({ _id: 2 });
  const waiting = rows.findOne({}, { signal: controller.signal });
  const [written, givenUp] = await Promise.allSettled([first, waiting]);
  expect(written.status).toBe('fulfilled');
  expect(givenUp).toMatchObject({ status: 'rejected', reason: { message: 'given up' } });
  expect(await rows.countDocuments({}, { deadlineMS: 5_000 })).toBe(2);
});
