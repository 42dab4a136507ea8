import {
  MongoClient,
  WorkerLostError,
  type Collection,
  type OffloadMongoClientOptions,
} from '@mongo-offload/core';
import * as native from 'mongodb';

import { uri } from '../../support/clients';
import { crash } from '../../support/crash';
import { failCommand } from '../../support/fail-point';
import { HeldDocument } from '../../support/held-document';
import { WorkerPool } from '../../support/internals';
import { roundTrips } from '../../support/round-trips';
import { program } from '../../support/program';

interface Row {
  _id: number;
}

/** Longer than any test. */
const LONG_MS = 3_600_000;

const dbName = `close_${process.pid}`;
let admin: native.MongoClient;
let held: HeldDocument;
let client: MongoClient;

beforeAll(() => {
  admin = new native.MongoClient(uri());
});
beforeEach(async () => {
  await admin.db(dbName).collection<Row>('rows').insertOne({ _id: 0 });
  held = await HeldDocument.hold(admin, dbName);
});
afterEach(async () => {
  await held.release();
  await client.close(true);
  await admin.db(dbName).dropDatabase();
});
afterAll(async () => await admin.close());

function open({ offload, ...options }: OffloadMongoClientOptions = {}): {
  rows: Collection<Row>;
  blocked: Collection;
} {
  client = new MongoClient(uri(), { ...options, offload });
  const db = client.db(dbName);
  return { rows: db.collection<Row>('rows'), blocked: db.collection('held') };
}

/** What a promise that settles by itself came to, or 'pending' as long as it has not. */
function followed(promise: Promise<unknown>): { outcome: unknown } {
  const state: { outcome: unknown } = { outcome: 'pending' };
  promise.then(
    (value) => (state.outcome = value),
    (error: unknown) => (state.outcome = error),
  );
  return state;
}

const stored = async (): Promise<number> =>
  await admin.db(dbName).collection('rows').countDocuments();

describe('with a grace', () => {
  test.each([undefined, LONG_MS])(
    'what is under way finishes, and then the client is closed: closeGraceMS %s',
    async (closeGraceMS) => {
      const { blocked } = open({ offload: { closeGraceMS } });
      const { result } = await held.update(blocked);
      const closing = client.close();
      const state = followed(closing);
      await roundTrips(admin);
      expect(state.outcome).toBe('pending');
      await held.release();
      expect((await result).modifiedCount).toBe(1);
      await closing;
      expect(WorkerPool.running).toBeUndefined();
      await expect(blocked.findOne()).rejects.toThrow(native.MongoNotConnectedError);
    },
  );

  test('what waits for others finishes as well', async () => {
    const { rows, blocked } = open({ offload: { closeGraceMS: LONG_MS, maxInFlight: 1 } });
    const { result } = await held.update(blocked);
    const waiting = [1, 2, 3].map((_id) => rows.insertOne({ _id }));
    const list = rows.insertMany(Array.from({ length: 20_000 }, (_, n) => ({ _id: 10 + n })));
    const closing = client.close();
    await held.release();
    await Promise.all([result, ...waiting, list, closing]);
    expect(await stored()).toBe(20_004);
  });

  test('a commit under way is made', async () => {
    const { rows, blocked } = open({ offload: { closeGraceMS: LONG_MS } });
    const { result } = await held.update(blocked);
    const session = client.startSession();
    session.startTransaction();
    await rows.insertOne({ _id: 1 }, { session });
    const committing = session.commitTransaction();
    const closing = client.close();
    await committing;
    await held.release();
    await Promise.all([result, closing]);
    expect(await stored()).toBe(2);
  });

  test('what is called while it closes fails as it does on a closed client', async () => {
    const { rows, blocked } = open({ offload: { closeGraceMS: LONG_MS } });
    const { result } = await held.update(blocked);
    const closing = client.close();
    const closed = new native.MongoClient(uri());
    await closed.connect();
    await closed.close();
    const called = (target: native.Collection<Row>): Promise<unknown[]> =>
      Promise.all(
        [
          () => target.findOne(),
          () => target.insertOne({ _id: 1 }),
          () => target.find().toArray(),
          () => target.watch().next(),
          () => target.bulkWrite([{ insertOne: { document: { _id: 1 } } }]),
          () => target.db.command({ ping: 1 }),
          () => target.db.admin().listDatabases(),
        ].map(async (operation) => {
          const error = await operation().catch((reason: unknown) => reason as Error);
          return [(error as Error).name, (error as Error).message];
        }),
      );
    expect(await called(rows)).toStrictEqual(
      await called(closed.db(dbName).collection<Row>('rows')),
    );
    // As with the driver, there is nothing to connect, and so nothing to close again.
    expect(await client.connect()).toBe(client);
    await held.release();
    await Promise.all([result, closing]);
    await expect(rows.findOne()).rejects.toThrow(native.MongoNotConnectedError);
    expect(await stored()).toBe(1);
  });

  test('when it has passed, what is left ends with the driver’s error', async () => {
    const { blocked } = open({ offload: { closeGraceMS: 100 } });
    const { result } = await held.update(blocked);
    const outcome = result.catch((error: unknown) => error);
    const begun = performance.now();
    await client.close();
    expect(performance.now() - begun).toBeGreaterThanOrEqual(99);
    expect(await outcome).toBeInstanceOf(native.MongoClientClosedError);
    expect(WorkerPool.running).toBeUndefined();
  });

  test('what is under way ends in time where the abort of a transaction is not answered', async () => {
    const appName = `close-abort-${process.pid}`;
    const { rows } = open({ appName, offload: { closeGraceMS: 100 } });
    const session = client.startSession();
    session.startTransaction();
    await rows.insertOne({ _id: 1 }, { session });
    const blockTimeMS = 6_000;
    const failCommands = ['find', 'abortTransaction'];
    const begun = performance.now();
    const disarm = await failCommand(admin, appName, 'alwaysOn', {
      failCommands,
      blockConnection: true,
      blockTimeMS,
    });
    const outcome = rows.findOne({}, { session: null as never }).catch((error: unknown) => error);
    const closing = client.close();
    expect(await outcome).toBeInstanceOf(native.MongoClientClosedError);
    expect(performance.now() - begun).toBeLessThan(blockTimeMS - 1_000);
    await disarm();
    await closing;
  });

  test('open cursors, change streams, tailable cursors and transactions are not waited for', async () => {
    const { rows } = open({ offload: { closeGraceMS: LONG_MS } });
    await rows.insertMany(Array.from({ length: 100 }, (_, n) => ({ _id: n + 1 })));
    const db = client.db(dbName);
    const capped = await db.createCollection('capped', { capped: true, size: 4096 });
    await capped.insertOne({});
    const cursor = rows.find({}, { batchSize: 5 });
    await cursor.next();
    const tail = capped.find({}, { tailable: true, awaitData: true, maxAwaitTimeMS: LONG_MS });
    await tail.next();
    const stream = rows.watch([], { maxAwaitTimeMS: LONG_MS });
    const session = client.startSession();
    session.startTransaction();
    await rows.insertOne({ _id: 1000 }, { session });
    const reads = [followed(tail.next()), followed(stream.next())];
    await client.close();
    await roundTrips(admin);
    for (const { outcome } of reads) expect(outcome).not.toBe('pending');
    expect(session.hasEnded).toBe(true);
    expect(await stored()).toBe(101);
  });

  test('whatever operations came to, those that have ended are not waited for', async () => {
    const { rows, blocked } = open({
      offload: { closeGraceMS: LONG_MS, maxInFlight: 3, maxQueued: 120 },
    });
    const { result } = await held.update(blocked);
    const wanted = new AbortController();
    const { signal } = wanted;
    const operations: Promise<unknown>[] = [];
    const call = (...called: Promise<unknown>[]): void => {
      operations.push(...called.map((operation) => operation.catch((error: unknown) => error)));
    };
    for (let _id = 1; _id < 40; _id++) {
      call(
        rows.insertOne({ _id: _id % 7 }),
        rows.findOne({ _id }, { signal }),
        rows.find({ _id }, { deadlineMS: 1 + _id } as native.FindOptions).toArray(),
        client.db(dbName).command({ nonsense: 1 }),
        client.transaction(async (session) => {
          await rows.insertOne({ _id: 100 + _id }, { session });
          if (_id % 2 === 0) throw new Error('given up');
        }),
      );
      if (_id === 20) {
        await Promise.race(operations);
        wanted.abort();
        for (const thread of WorkerPool.running?.threads ?? []) crash(thread, 'exit');
        await expect(result).rejects.toThrow(WorkerLostError);
      }
    }
    await held.release();
    const errors = (await Promise.all(operations)).map(
      (outcome) => (outcome as Error | null)?.name,
    );
    for (const name of ['OverloadedError', 'AbortError', 'MongoServerError']) {
      expect(errors).toContain(name);
    }
    await client.close();
    expect(WorkerPool.running).toBeUndefined();
  });

  test('an idle client closes at once, and its program exits', async () => {
    const out = await program(
      `const client = new MongoClient(uri, { offload: { closeGraceMS: ${LONG_MS} } });
       await client.db('admin').command({ ping: 1 });
       const late = client.db('admin').command({ ping: 1 }).then(({ ok }) => ok);
       await client.close();
       console.log(await late);`,
    );
    expect(out.trim()).toBe('1');
  });
});

describe('at once', () => {
  test.each([
    ['when the grace that there is by default has passed', {}, false],
    ['by force', { closeGraceMS: LONG_MS }, true],
  ])('%s, what is under way ends with the driver’s error', async (_, offload, force) => {
    const outcomes: unknown[] = [];
    for (const side of [
      new native.MongoClient(uri()),
      (client = new MongoClient(uri(), { offload })),
    ]) {
      const { result } = await held.update(side.db(dbName).collection('held'));
      const outcome = result.catch((error: unknown) => error);
      await side.close(force);
      const { name, message } = (await outcome) as Error;
      outcomes.push([name, message]);
    }
    expect(outcomes[1]).toStrictEqual(outcomes[0]);
    expect(outcomes[1]).toStrictEqual([
      'MongoClientClosedError',
      'Operation interrupted because client was closed',
    ]);
  });

  test('every cursor that is open is killed at the server', async () => {
    const told: unknown[] = [];
    for (const side of [native.MongoClient, MongoClient]) {
      const one = new side(uri(), { monitorCommands: true });
      const rows = one.db(dbName).collection<Row>('rows');
      await admin
        .db(dbName)
        .collection<Row>('rows')
        .insertMany(Array.from({ length: 50 }, (_, n) => ({ _id: told.length * 100 + n + 1 })));
      const cursors = Array.from({ length: 30 }, () => rows.find({}, { batchSize: 1 }));
      await Promise.all(cursors.map(async (cursor) => await cursor.next()));
      const killed: unknown[] = [];
      one.on('commandSucceeded', ({ commandName, reply }) => {
        if (commandName === 'killCursors')
          killed.push((reply as { cursorsKilled: unknown[] }).cursorsKilled.length);
      });
      await one.close();
      told.push(killed);
    }
    expect(told[1]).toStrictEqual(told[0]);
    expect(told[1]).toHaveLength(30);
  });

  test('force ends the grace of a close under way', async () => {
    const { blocked } = open({ offload: { closeGraceMS: LONG_MS } });
    const { result } = await held.update(blocked);
    const outcome = result.catch((error: unknown) => error);
    const closing = client.close();
    await Promise.all([client.close(true), closing]);
    expect(await outcome).toBeInstanceOf(native.MongoClientClosedError);
  });
});

describe.each([0, LONG_MS])('with closeGraceMS %d, a client can be closed', (closeGraceMS) => {
  const offload = { closeGraceMS };

  test('before it has done anything, and twice', async () => {
    open({ offload });
    await client.close();
    await Promise.all([client.close(), client.close(), client.close(true)]);
    await client.close();
    expect(WorkerPool.running).toBeUndefined();
  });

  test('in the midst of its first operation', async () => {
    const { rows } = open({ offload });
    const operation = followed(rows.findOne());
    await Promise.all([client.close(), client.close()]);
    await roundTrips(admin);
    expect(operation.outcome).not.toBe('pending');
    expect(WorkerPool.running).toBeUndefined();
  });

  test('in the midst of a transaction’s function', async () => {
    const { rows } = open({ offload });
    const comment = `close ${process.pid} ${closeGraceMS}`;
    let closing: Promise<void> | undefined;
    const transaction = client.transaction(async () => {
      await rows.insertOne({ _id: 1 });
      closing ??= client.close();
      await rows.insertOne({ _id: 2 }, { comment });
    });
    await expect(transaction).rejects.toThrow(native.MongoError);
    await closing;
    expect(await stored()).toBe(1);
  });

  test('in the midst of connecting', async () => {
    open({ offload });
    const connecting = followed(client.connect());
    await client.close();
    await roundTrips(admin);
    expect(connecting.outcome).not.toBe('pending');
    expect(WorkerPool.running).toBeUndefined();
  });

  test('where a cursor is being read', async () => {
    const { rows } = open({ offload });
    await rows.insertMany(Array.from({ length: 5_000 }, (_, n) => ({ _id: n + 1 })));
    const read = (async () => {
      let count = 0;
      for await (const row of rows.find({}, { batchSize: 100 })) {
        count += 1;
        if (row._id === 1000) await client.close();
      }
      return count;
    })();
    // The driver's loop ends with what had arrived, or with an error; it never seems to be complete.
    const outcome = await read.catch((error: unknown) => error);
    if (!(outcome instanceof native.MongoError)) expect(outcome).toBeLessThan(5_001);
    expect(WorkerPool.running).toBeUndefined();
  });

  test('and connected again, also while another client is open', async () => {
    const { rows } = open({ offload });
    await rows.findOne();
    const another = new MongoClient(uri());
    await another.db('admin').command({ ping: 1 });
    await client.close();
    await client.connect();
    expect(await rows.findOne()).toStrictEqual({ _id: 0 });
    const closing = client.close();
    await expect(rows.findOne()).rejects.toThrow(native.MongoNotConnectedError);
    await closing;
    await client.connect();
    expect(await rows.findOne()).toStrictEqual({ _id: 0 });
    await Promise.all([client.close(), another.close()]);
    expect(WorkerPool.running).toBeUndefined();
  });
});
