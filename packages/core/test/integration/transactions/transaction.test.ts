import { EventEmitter, once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';

import {
  ClientSession,
  GridFSBucket,
  MongoClient,
  NO_SESSION,
  TransactionEndedError,
  type Collection,
  type Db,
} from '@mongo-offload/core';
import * as native from 'mongodb';

import { openClients, uri, type Clients } from '../../support/clients';
import { Commands, type Command } from '../../support/commands';
import { killWorkers } from '../../support/crash';
import { failCommand } from '../../support/fail-point';
import { ownServer, type OwnServer } from '../../support/own-server';
import { until } from '../../support/until';
import { warningCodes, warnings, watchWarnings } from '../../support/warnings';

interface Thing extends native.Document {
  _id: number;
}

const appName = 'transaction-test';

let server: OwnServer;
let clients: Clients;
let client: MongoClient;
let db: Db;
let things: Collection<Thing>;
let outside: native.Collection<Thing>;
let commands: Commands;

watchWarnings();
beforeAll(async () => {
  server = await ownServer();
  clients = openClients({ monitorCommands: true, appName, offload: { workers: 2 } });
  ({ client, db } = clients.ours);
  things = db.collection('things');
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

const count = async (filter: native.Filter<Thing> = {}): Promise<number> =>
  await outside.countDocuments(filter);

const caught = async <E = Error>(promise: Promise<unknown>): Promise<E> =>
  (await promise.then(
    (value) => Promise.reject(new Error(`nothing was thrown but given: ${String(value)}`)),
    (error: unknown) => error,
  )) as E;

/** That all of them were sent in one transaction, which was committed. */
function expectOneTransaction(sent: Command[]): void {
  expect(new Set(sent.map(({ transaction }) => transaction)).size).toBe(1);
  expect(sent[0].transaction).toBeDefined();
  expect(sent.map(({ starts }) => starts)).toStrictEqual(sent.map((_, i) => i === 0));
  expect(sent.at(-1)?.name).toBe('commitTransaction');
}

const operations: Record<string, () => Promise<unknown>> = {
  insertOne: () => things.insertOne({ _id: 100 }),
  insertMany: () => things.insertMany([{ _id: 100 }, { _id: 101 }]),
  'insertOne with options': () => things.insertOne({ _id: 100 }, { comment: 'said' }),
  updateOne: () => things.updateOne({ _id: 1 }, { $inc: { n: 1 } }),
  updateMany: () => things.updateMany({}, { $inc: { n: 1 } }, { session: undefined }),
  replaceOne: () => things.replaceOne({ _id: 1 }, { n: 2 }),
  deleteOne: () => things.deleteOne({ _id: 1 }),
  deleteMany: () => things.deleteMany({}),
  findOne: () => things.findOne({ _id: 1 }),
  findOneAndUpdate: () => things.findOneAndUpdate({ _id: 1 }, { $inc: { n: 1 } }),
  findOneAndReplace: () => things.findOneAndReplace({ _id: 1 }, { n: 1 }),
  findOneAndDelete: () => things.findOneAndDelete({ _id: 1 }),
  distinct: () => things.distinct('n'),
  countDocuments: () => things.countDocuments(),
  'find, toArray': () => things.find({}, { batchSize: 3 }).toArray(),
  'find, for await': async () => {
    for await (const thing of things.find({}, { batchSize: 3 })) expect(thing._id).toBeDefined();
  },
  'find, forEach': () => things.find({}, { batchSize: 3 }).forEach(() => undefined),
  'find, stream': async () => {
    for await (const thing of things.find({}, { batchSize: 3 }).stream())
      expect(thing).toBeDefined();
  },
  'find, batches': async () => {
    for await (const batch of things.find({}, { batchSize: 3 }).batches())
      expect(batch.length).toBeGreaterThan(0);
  },
  'find, clone': () => things.find({ n: 0 }).clone().next(),
  'find, left early': async () => {
    for await (const thing of things.find({}, { batchSize: 3 })) if (thing._id >= 0) break;
  },
  'aggregate of a collection': () => things.aggregate([{ $match: {} }]).toArray(),
  'aggregate of a database': () =>
    db
      .aggregate([{ $documents: [{ a: 1 }] }])
      .toArray()
      .catch((error: unknown) => expect((error as native.MongoServerError).code).toBe(263)),
  runCursorCommand: () => db.runCursorCommand({ find: 'things', batchSize: 3 }).toArray(),
  command: () => db.command({ find: 'things' }),
  bulkWrite: () => things.bulkWrite([{ deleteOne: { filter: { _id: 1 } } }]),
  initializeOrderedBulkOp: async () => {
    await client.connect();
    return await things.initializeOrderedBulkOp().insert({ _id: 100 }).execute();
  },
  initializeUnorderedBulkOp: async () => {
    await client.connect();
    return await things.initializeUnorderedBulkOp().insert({ _id: 100 }).execute();
  },
  createCollection: () => db.createCollection(`made${Math.random()}`),
  'createIndex of a new collection': () =>
    db.collection(`indexed${Math.random()}`).createIndex({ a: 1 }),
  'createIndex with command options apart': () =>
    // The driver's types leave the third argument out; its GridFS gives one.
    (
      db.collection(`indexed${Math.random()}`).createIndex as (
        ...args: unknown[]
      ) => Promise<string>
    )({ a: 1 }, { unique: true }, { comment: 'said' }),
};

describe('client.transaction', () => {
  test.each(Object.keys(operations))('%s joins by itself', async (name) => {
    await client.transaction(async () => {
      // What comes first starts the transaction; a command of ours that the server allows there.
      await things.findOne({ _id: -1 });
      await operations[name]();
    });
    const sent = commands.take();
    expect(sent.length).toBeGreaterThanOrEqual(3);
    expectOneTransaction(sent);
  });

  test('what it does is seen inside, not outside, until it commits; it gives the function’s value', async () => {
    const given = await client.transaction(async (session) => {
      expect(session).toBeInstanceOf(ClientSession);
      expect(session.inTransaction()).toBe(true);
      await things.insertOne({ _id: 50 });
      expect(await things.findOne({ _id: 50 })).toStrictEqual({ _id: 50 });
      expect(await things.findOne({ _id: 50 }, { session })).toStrictEqual({ _id: 50 });
      expect(await count({ _id: 50 })).toBe(0);
      return { moved: 1 };
    });
    expect(given).toStrictEqual({ moved: 1 });
    expect(await count({ _id: 50 })).toBe(1);
    expect(warningCodes()).toStrictEqual([]);
  });

  test('what throws aborts all of it, and is what the caller gets', async () => {
    const thrown = new RangeError('not enough');
    const failing = client.transaction(async () => {
      await things.deleteMany({});
      throw thrown;
    });
    expect(await caught(failing)).toBe(thrown);
    expect(commands.names()).toStrictEqual(['delete', 'abortTransaction']);
    expect(await count()).toBe(10);
  });

  test('the error of an operation is the server’s, and shows the caller’s line', async () => {
    const failing = client.transaction(async () => {
      await things.insertOne({ _id: 50 });
      await things.insertOne({ _id: 1 });
    });
    const error = await caught<native.MongoServerError>(failing);
    expect([error.constructor, error.code]).toStrictEqual([native.MongoServerError, 11000]);
    expect(error.stack).toMatch(/transaction\.test\.ts/);
    expect(await count({ _id: 50 })).toBe(0);
  });

  test('joins through functions, timers, events and streams', async () => {
    const emitter = new EventEmitter();
    const bucket = new GridFSBucket(db, { bucketName: 'files' });
    await clients.native.db.createCollection('files.files');
    await clients.native.db.createCollection('files.chunks');
    await client.transaction(async () => {
      await things.insertOne({ _id: 60 });
      await delay(1);
      await new Promise<void>((resolve, reject) => {
        setTimeout(() => void things.insertOne({ _id: 61 }).then(() => resolve(), reject), 1);
      });
      emitter.once('now', () => emitter.emit('done', things.insertOne({ _id: 62 })));
      const done = once(emitter, 'done') as Promise<[Promise<unknown>]>;
      emitter.emit('now');
      const [[inserted]] = await Promise.all([done]);
      await inserted;
      const upload = bucket.openUploadStream('a', { chunkSizeBytes: 1_000 });
      await pipeline(Readable.from([Buffer.alloc(2_500, 1), Buffer.alloc(3_000, 2)]), upload);
      expect(await bucket.find({ filename: 'a' }).toArray()).toHaveLength(1);
      let bytes = 0;
      for await (const chunk of bucket.openDownloadStream(upload.id)) {
        bytes += (chunk as Buffer).length;
      }
      expect(bytes).toBe(5_500);
      await bucket.rename(upload.id, 'b');
      expect(await clients.native.db.collection('files.chunks').countDocuments()).toBe(0);
    });
    // A new bucket asks for its indexes, which the server refuses in a transaction and the driver passes over.
    const sent = commands.take();
    expectOneTransaction(sent);
    expect(await count({ _id: { $gte: 60 } })).toBe(3);
    expect(await clients.native.db.collection('files.chunks').countDocuments()).toBe(6);
    expect(await clients.native.db.collection('files.files').findOne()).toMatchObject({
      filename: 'b',
      length: 5_500,
    });
    expect(warningCodes()).toStrictEqual([]);
  });

  test('its options are the transaction’s', async () => {
    await client.transaction(async () => await things.insertOne({ _id: 70 }), {
      readConcern: { level: 'snapshot' },
      writeConcern: { w: 'majority' },
      maxCommitTimeMS: 5_000,
    });
    const [insert, commit] = commands.take();
    expect(insert.body.readConcern).toMatchObject({ level: 'snapshot' });
    expect(commit.body).toMatchObject({ writeConcern: { w: 'majority' }, maxTimeMS: 5_000 });
  });

  test('an empty one sends nothing', async () => {
    expect(await client.transaction(async () => 1)).toBe(1);
    expect(commands.names()).toStrictEqual([]);
  });

  test('what is no function, and one that gives no promise, is refused', async () => {
    await expect(client.transaction(undefined as never)).rejects.toThrow(
      native.MongoInvalidArgumentError,
    );
    await expect(client.transaction((() => 1) as never)).rejects.toThrow(
      'Function provided to `withTransaction` must return a Promise',
    );
    await expect(
      client.transaction(() => {
        throw new RangeError('at once');
      }),
    ).rejects.toThrow(new RangeError('at once'));
  });

  test('session: null keeps an operation, a cursor and a bulk out', async () => {
    await client.transaction(async () => {
      await things.insertOne({ _id: 80 }, { session: NO_SESSION });
      await things.find({}, { session: NO_SESSION }).toArray();
      await things.aggregate([], { session: NO_SESSION }).toArray();
      await db.runCursorCommand({ find: 'things' }, { session: NO_SESSION }).toArray();
      await db.listCollections({}, { session: NO_SESSION }).toArray();
      expect(await things.estimatedDocumentCount({ session: NO_SESSION })).toBe(11);
      expect(await things.find({}, { session: NO_SESSION }).count()).toBe(11);
      await things.find({}, { session: NO_SESSION }).explain();
      await things.initializeOrderedBulkOp({ session: NO_SESSION }).insert({ _id: 81 }).execute();
      await things.findOne();
    });
    const sent = commands.take();
    expect(sent.filter(({ transaction }) => transaction).map(({ name }) => name)).toStrictEqual([
      'find',
      'commitTransaction',
    ]);
    expect(sent).toHaveLength(11);
    expect(warningCodes()).toStrictEqual([]);
  });

  test('operations of another client are untouched', async () => {
    const other = new MongoClient(uri(), { monitorCommands: true });
    const theirs = new Commands(other);
    await client.transaction(async () => {
      await things.insertOne({ _id: 90 });
      expect(await other.db(clients.dbName).collection<Thing>('things').findOne({ _id: 90 })).toBe(
        null,
      );
      await other.transaction(async () => {
        await other.db(clients.dbName).collection<Thing>('things').insertOne({ _id: 91 });
        await things.insertOne({ _id: 92 });
      });
      expect(await count({ _id: { $gte: 90 } })).toBe(1);
    });
    expect(theirs.take().map(({ name, transaction }) => [name, transaction !== undefined])).toEqual(
      [
        ['find', false],
        ['insert', true],
        ['commitTransaction', true],
      ],
    );
    expectOneTransaction(commands.take());
    expect(await count({ _id: { $gte: 90 } })).toBe(3);
    await other.close();
  });

  test('change streams are outside of it, and tell of it when it is committed', async () => {
    const stream = await client.transaction(async () => {
      const inside = things.watch();
      // It is open when the server has answered once.
      expect(await inside.tryNext()).toBeNull();
      await things.insertOne({ _id: 95 });
      return inside;
    });
    try {
      expect(await stream.next()).toMatchObject({
        operationType: 'insert',
        documentKey: { _id: 95 },
      });
      await outside.deleteOne({ _id: 95 });
      expect(await stream.next()).toMatchObject({ operationType: 'delete' });
    } finally {
      await stream.close();
    }
    const opened = commands.take().find(({ name }) => name === 'aggregate');
    expect(opened?.transaction).toBeUndefined();
    expect(warningCodes()).toStrictEqual([]);
  });

  test('a change stream that listens goes on when it is over', async () => {
    let stream: ReturnType<typeof things.watch> | undefined;
    const seen: string[] = [];
    try {
      await client.transaction(async () => {
        stream = things.watch();
        stream.on('change', ({ operationType }) => seen.push(operationType));
        await things.insertOne({ _id: 96 });
      });
      await until(() => seen.length === 1);
      await outside.deleteOne({ _id: 96 });
      await until(() => seen.length === 2);
    } finally {
      await stream?.close();
    }
    expect(seen).toStrictEqual(['insert', 'delete']);
  });
});

describe('what the server forbids in a transaction gives its own error', () => {
  const forbidden: Record<
    string,
    (on: native.MongoClient, options: { session?: native.ClientSession }) => Promise<unknown>
  > = {
    estimatedDocumentCount: (on, options) => of(on).estimatedDocumentCount(options),
    'cursor.explain': (on, options) => of(on).find({}, options).explain(),
    'aggregation.explain': (on, options) => of(on).aggregate([], options).explain(),
    'cursor.count': (on, options) => of(on).find({}, options).count(options),
    listIndexes: (on, options) => of(on).listIndexes(options).toArray(),
    indexes: (on, options) => of(on).indexes(options),
    listCollections: (on, options) => on.db(clients.dbName).listCollections({}, options).toArray(),
    collections: (on, options) => on.db(clients.dbName).collections(options),
    drop: (on, options) => of(on).drop(options),
    rename: (on, options) => of(on).rename('renamed', options),
    ping: (on, options) => on.db('admin').command({ ping: 1 }, options),
    listDatabases: (on, options) => on.db().admin().listDatabases(options),
    dbStats: (on, options) => on.db(clients.dbName).stats(options),
    'createIndex of a collection that is there': (on, options) =>
      of(on).createIndex({ n: 1 }, options),
    $out: (on, options) =>
      of(on)
        .aggregate([{ $out: 'other' }], options)
        .toArray(),
    tailable: (on, options) =>
      of(on)
        .find({}, { ...options, tailable: true })
        .next(),
    'an unacknowledged write': (on, options) =>
      of(on).insertOne({ _id: 99 }, { ...options, writeConcern: { w: 0 } }),
    'reading from a secondary': (on, options) =>
      of(on).findOne({}, { ...options, readPreference: 'secondary' }),
    'client.bulkWrite': (on, options) =>
      on.bulkWrite(
        [
          {
            name: 'insertOne',
            namespace: `${clients.dbName}.things`,
            document: { _id: 97 } as native.Document,
          },
        ],
        options,
      ),
  };
  const of = (on: native.MongoClient): native.Collection<Thing> =>
    on.db(clients.dbName).collection<Thing>('things');

  test.each(Object.keys(forbidden))('%s', async (name) => {
    await clients.native.client.connect();
    const { version } = await clients.native.db.admin().serverInfo();
    const theirs = clients.native.client.withSession(
      async (session) =>
        await session.withTransaction(async () => {
          await outside.insertOne({ _id: 98 }, { session });
          await forbidden[name](clients.native.client, { session });
        }),
    );
    const expected = await theirs.then(
      () => undefined,
      (error: unknown) => error as native.MongoServerError,
    );
    const inside = client.transaction(async () => {
      await things.insertOne({ _id: 97 });
      await forbidden[name](client, {});
    });
    const found = await inside.then(
      () => undefined,
      (error: unknown) => error as native.MongoServerError,
    );
    // client.bulkWrite is allowed where the server knows it at all, since 8.0.
    if (name !== 'client.bulkWrite' || Number(String(version).split('.')[0]) < 8) {
      expect(expected).toBeDefined();
    }
    expect([found?.name, found?.code, found?.message]).toStrictEqual([
      expected?.name,
      expected?.code,
      expected?.message,
    ]);
    expect(await count({ _id: 97 })).toBe(expected === undefined ? 1 : 0);
  });
});

describe('a transaction inside of another', () => {
  test('is part of it', async () => {
    const transfer = async (_id: number): Promise<number> =>
      await client.transaction(async (session) => {
        await things.insertOne({ _id });
        expect(await things.countDocuments({}, { session })).toBeGreaterThan(10);
        return _id;
      });
    expect(
      await client.transaction(async () => [await transfer(200), await transfer(201)]),
    ).toStrictEqual([200, 201]);
    expectOneTransaction(commands.take());
    expect(await transfer(202)).toBe(202);
    expect(await count({ _id: { $gte: 200 } })).toBe(3);
  });

  test('aborts all of it when it fails, whatever is made of its error', async () => {
    const thrown = new Error('no');
    const outer = client.transaction(async () => {
      await things.insertOne({ _id: 210 });
      const inner = client.transaction(async () => {
        await things.insertOne({ _id: 211 });
        throw thrown;
      });
      expect(await caught(inner)).toBe(thrown);
      await things.insertOne({ _id: 212 });
      return 'as if nothing had happened';
    });
    expect(await caught(outer)).toBe(thrown);
    expect(await count({ _id: { $gte: 210 } })).toBe(0);
  });

  test('cannot have other options', async () => {
    const options = { readConcern: { level: 'snapshot' } } as const;
    await client.transaction(async () => {
      await client.transaction(async () => await things.insertOne({ _id: 220 }), { ...options });
    }, options);
    const differing = client.transaction(async () => {
      await client.transaction(async () => await things.insertOne({ _id: 221 }), options);
    });
    await expect(differing).rejects.toThrow(native.MongoTransactionError);
    expect(await count({ _id: { $gte: 220 } })).toBe(1);
  });

  test('one of a session of its own is another transaction', async () => {
    await client.transaction(async () => {
      await things.insertOne({ _id: 230 });
      await client.withSession(async (session) => {
        await session.withTransaction(async () => {
          await things.insertOne({ _id: 231 }, { session });
        });
      });
      expect(await count({ _id: { $gte: 230 } })).toBe(1);
    });
    expect(await count({ _id: { $gte: 230 } })).toBe(2);
    expect(warningCodes()).toStrictEqual([]);
  });
});

describe('what is not awaited', () => {
  test('is waited for, and said', async () => {
    await client.transaction(async () => {
      void things.insertOne({ _id: 300 });
    });
    expect(commands.names()).toStrictEqual(['insert', 'commitTransaction']);
    expect(await count({ _id: 300 })).toBe(1);
    expect(warnings()).toHaveLength(1);
    expect(warnings()[0]).toMatch(
      /^MONGO_OFFLOAD_NOT_AWAITED The function of a transaction at \S*transaction\.test\.ts:\d+:\d+ returned before collection\.insertOne had ended/,
    );
  });

  test('aborts the transaction where it fails', async () => {
    let attempts = 0;
    const failing = client.transaction(async () => {
      attempts += 1;
      await things.insertOne({ _id: 301 });
      things.insertOne({ _id: 1 }).catch(() => undefined);
    });
    expect(await caught<native.MongoServerError>(failing)).toMatchObject({ code: 11000 });
    expect([attempts, await count({ _id: 301 })]).toStrictEqual([1, 0]);
  });

  test('is refused when the transaction is over: nothing is sent', async () => {
    const released = new EventEmitter();
    const late: Promise<unknown>[] = [];
    await client.transaction(async () => {
      await things.insertOne({ _id: 310 });
      const again = once(released, 'over');
      const ways = [
        () => things.insertOne({ _id: 311 }),
        () => things.find().toArray(),
        () => things.bulkWrite([{ insertOne: { document: { _id: 312 } } }]),
        () => things.initializeOrderedBulkOp().insert({ _id: 313 }).execute(),
        () => things.find().explain(),
        () => things.find().count(),
        () => db.command({ ping: 1 }),
      ];
      for (const way of ways) late.push(again.then(way));
      late.push(again.then(() => things.insertOne({ _id: 319 }, { session: NO_SESSION })));
    });
    commands.take();
    released.emit('over');
    const outcomes = await Promise.allSettled(late);
    for (const outcome of outcomes.slice(0, -1)) {
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { code: 'MONGO_OFFLOAD_TRANSACTION_ENDED', name: 'TransactionEndedError' },
      });
      expect((outcome as PromiseRejectedResult).reason).toBeInstanceOf(
        native.MongoTransactionError,
      );
    }
    expect(outcomes.at(-1)?.status).toBe('fulfilled');
    expect(commands.names()).toStrictEqual(['insert']);
    expect(await count({ _id: { $gt: 310 } })).toBe(1);
  });

  test('of an attempt that failed does not join the next one', async () => {
    const disarm = await failCommand(
      clients.native.client,
      appName,
      { times: 1 },
      {
        failCommands: ['update'],
        errorCode: 251,
        errorLabels: ['TransientTransactionError'],
      },
    );
    const gate = new EventEmitter();
    let attempts = 0;
    let late: Promise<unknown> | undefined;
    await client.transaction(async () => {
      attempts += 1;
      if (attempts === 1) {
        late = once(gate, 'second').then(() => things.insertOne({ _id: 321 }));
        late.catch(() => undefined);
      } else {
        gate.emit('second');
        await expect(late).rejects.toThrow(TransactionEndedError);
      }
      await things.updateOne({ _id: 1 }, { $inc: { n: 1 } });
    });
    await disarm();
    expect([attempts, await count({ _id: 321 })]).toStrictEqual([2, 0]);
  });

  test('a cursor that is given out is not read outside', async () => {
    const fresh = await client.transaction(async () => things.find());
    await expect(fresh.toArray()).rejects.toThrow(TransactionEndedError);
    const begun = await client.transaction(async () => {
      const cursor = things.find({}, { batchSize: 3, sort: { _id: 1 } });
      await cursor.next();
      return cursor;
    });
    expect([(await begun.next())?._id, (await begun.next())?._id]).toStrictEqual([1, 2]);
    await expect(begun.next()).rejects.toThrow(TransactionEndedError);
    await begun.close();
  });

  test('a cursor that was made outside joins where it is first read', async () => {
    const cursor = things.find({ _id: 330 });
    await client.transaction(async () => {
      await things.insertOne({ _id: 330 });
      expect(await cursor.toArray()).toHaveLength(1);
    });
  });

  test('an operation behind a commit or abort in the function is refused', async () => {
    for (const end of ['commitTransaction', 'abortTransaction'] as const) {
      await client.transaction(async (session) => {
        await things.insertOne({ _id: end === 'commitTransaction' ? 340 : 341 });
        await session[end]();
        await expect(things.insertOne({ _id: 342 })).rejects.toThrow(TransactionEndedError);
      });
    }
    expect(await outside.distinct('_id', { _id: { $gte: 340 } })).toStrictEqual([340]);
  });
});

describe('retries', () => {
  test('a transient error calls the function anew', async () => {
    const disarm = await failCommand(
      clients.native.client,
      appName,
      { times: 2 },
      {
        failCommands: ['insert'],
        errorCode: 112,
        errorLabels: ['TransientTransactionError'],
      },
    );
    const seen: string[] = [];
    const value = await client.transaction(async (session) => {
      seen.push(session.id!.id.toString('hex'));
      await things.updateOne({ _id: 1 }, { $inc: { n: 1 } });
      await things.insertOne({ _id: 400 });
      return seen.length;
    });
    await disarm();
    expect([value, new Set(seen).size]).toStrictEqual([3, 1]);
    expect(await outside.findOne({ _id: 1 })).toMatchObject({ n: 1 });
    const sent = commands.take();
    expect(new Set(sent.map(({ transaction }) => transaction)).size).toBe(3);
    expect(sent.map(({ name }) => name)).toStrictEqual([
      ...['update', 'insert', 'abortTransaction'],
      ...['update', 'insert', 'abortTransaction'],
      ...['update', 'insert', 'commitTransaction'],
    ]);
  });

  test('a commit whose outcome is unknown is sent again, and the function is not called', async () => {
    const disarm = await failCommand(
      clients.native.client,
      appName,
      { times: 3 },
      {
        failCommands: ['commitTransaction'],
        errorCode: 64,
        errorLabels: ['UnknownTransactionCommitResult'],
      },
    );
    let calls = 0;
    await client.transaction(async () => {
      calls += 1;
      await things.insertOne({ _id: 410 });
    });
    await disarm();
    expect([calls, await count({ _id: 410 })]).toStrictEqual([1, 1]);
    expect(commands.names().filter((name) => name === 'commitTransaction').length).toBe(4);
  });

  test('a commit that met a transient error calls the function anew', async () => {
    const disarm = await failCommand(
      clients.native.client,
      appName,
      { times: 1 },
      {
        failCommands: ['commitTransaction'],
        errorCode: 251,
        errorLabels: ['TransientTransactionError'],
      },
    );
    let calls = 0;
    await client.transaction(async () => {
      calls += 1;
      await things.updateOne({ _id: 1 }, { $inc: { n: 1 } });
    });
    await disarm();
    expect([calls, (await outside.findOne({ _id: 1 }))?.n]).toStrictEqual([2, 1]);
  });

  test('a connection that breaks in the midst calls the function anew', async () => {
    const disarm = await failCommand(
      clients.native.client,
      appName,
      { times: 1 },
      {
        failCommands: ['update'],
        closeConnection: true,
      },
    );
    let calls = 0;
    await client.transaction(async () => {
      calls += 1;
      await things.insertOne({ _id: 420 });
      await things.updateOne({ _id: 1 }, { $inc: { n: 1 } });
    });
    await disarm();
    expect([calls, await count({ _id: 420 })]).toStrictEqual([2, 1]);
    expect((await outside.findOne({ _id: 1 }))?.n).toBe(1);
  });

  test('any other error is final', async () => {
    const disarm = await failCommand(clients.native.client, appName, 'alwaysOn', {
      failCommands: ['insert'],
      errorCode: 2,
    });
    let calls = 0;
    const failing = client.transaction(async () => {
      calls += 1;
      await things.insertOne({ _id: 430 });
    });
    expect(await caught<native.MongoServerError>(failing)).toMatchObject({ code: 2 });
    await disarm();
    expect(calls).toBe(1);
  });

  test('a worker that dies calls the function anew', async () => {
    let calls = 0;
    await client.transaction(async () => {
      calls += 1;
      await things.insertOne({ _id: 440 + calls });
      if (calls === 1) {
        await killWorkers();
      }
      await things.updateOne({ _id: 1 }, { $inc: { n: 1 } });
    });
    expect(calls).toBe(2);
    expect(await outside.distinct('_id', { _id: { $gt: 440 } })).toStrictEqual([442]);
    expect((await outside.findOne({ _id: 1 }))?.n).toBe(1);
  });
});

test('all or nothing: transfers at once, of which some fail, leave the sum as it was', async () => {
  await outside.updateMany({}, { $set: { n: 100 } });
  class Refused extends Error {}
  const move = async (from: number, to: number, amount: number): Promise<void> => {
    const left = await things.findOneAndUpdate(
      { _id: from },
      { $inc: { n: -amount } },
      { returnDocument: 'after' },
    );
    await things.updateOne({ _id: to }, { $inc: { n: amount } });
    if ((left?.n as number) < 0) throw new Refused();
  };
  const outcomes = await Promise.allSettled(
    Array.from({ length: 60 }, async (_, i) => {
      await client.transaction(async () => await move(i % 10, (i * 7 + 3) % 10, (i * 13) % 60));
    }),
  );
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
  for (const { reason } of refused) expect(reason).toBeInstanceOf(Refused);
  expect(refused.length).toBeLessThan(60);
  const after = await outside.find().toArray();
  expect(after.reduce((sum, { n }) => sum + (n as number), 0)).toBe(1_000);
  expect(after.every(({ n }) => (n as number) >= 0)).toBe(true);
});

describe('offload.ambientTransactions', () => {
  let ambient: MongoClient;
  let mine: Collection<Thing>;
  let sent: Commands;
  beforeAll(() => {
    ambient = new MongoClient(uri(), {
      monitorCommands: true,
      offload: { ambientTransactions: true, forgottenSession: 'error' },
    });
    mine = ambient.db(clients.dbName).collection('things');
    sent = new Commands(ambient);
  });
  afterAll(async () => await ambient.close());

  test('lets session.withTransaction be joined', async () => {
    await ambient.withSession(async (session) => {
      const value = await session.withTransaction(async (same) => {
        expect(same).toBe(session);
        await mine.insertOne({ _id: 500 });
        await mine.insertOne({ _id: 501 }, { session });
        await mine.insertOne({ _id: 502 }, { session: NO_SESSION });
        expect(await mine.find({ _id: { $in: [500, 501] } }).toArray()).toHaveLength(2);
        expect(await count({ _id: { $gte: 500 } })).toBe(1);
        return 'done';
      });
      expect(value).toBe('done');
      await mine.insertOne({ _id: 503 });
    });
    expect(sent.take().map(({ name, transaction }) => [name, transaction !== undefined])).toEqual([
      ['insert', true],
      ['insert', true],
      ['insert', false],
      ['find', true],
      ['commitTransaction', true],
      ['insert', false],
    ]);
  });

  test('and startTransaction is guarded, as without it', async () => {
    await using session = ambient.startSession();
    session.startTransaction();
    await expect(mine.insertOne({ _id: 510 })).rejects.toMatchObject({
      code: 'MONGO_OFFLOAD_FORGOTTEN_SESSION',
    });
    await session.abortTransaction();
  });
});

test('a client that runs on the main thread has all of it', async () => {
  mainConnections.allow('a function among the options keeps the client on the main thread');
  const onMain = new MongoClient(uri(), {
    monitorCommands: true,
    checkServerIdentity: () => undefined,
    offload: { forgottenSession: 'error' },
  });
  const mine = onMain.db(clients.dbName).collection<Thing>('things');
  const sent = new Commands(onMain);
  try {
    await onMain.connect();
    const value = await onMain.transaction(async () => {
      // At once, of which the driver itself would have the server refuse one. The driver's cursors send
      // their first command somewhat later than they are called.
      const [found, , all] = await Promise.all([
        mine.findOne({ _id: 1 }),
        mine.insertOne({ _id: 600 }),
        mine.find({}, { batchSize: 3 }).toArray(),
        mine.initializeOrderedBulkOp().insert({ _id: 601 }).execute(),
        mine.bulkWrite([{ insertOne: { document: { _id: 602 } } }]),
      ]);
      expect(found?._id).toBe(1);
      expect(all.length).toBeGreaterThanOrEqual(11);
      for await (const { _id } of mine.find({ _id: { $gte: 600 } }, { batchSize: 1 })) {
        await mine.updateOne({ _id }, { $set: { seen: true } });
      }
      await mine.insertOne({ _id: 603 }, { session: NO_SESSION });
      await expect(mine.find().explain()).rejects.toMatchObject({ code: 263 });
      return await mine.countDocuments({ seen: true });
    });
    expect(value).toBe(3);
    expect(await count({ _id: { $gte: 600 }, seen: true })).toBe(3);
    const all = sent.take();
    expect(new Set(all.map(({ transaction }) => transaction)).size).toBe(2);
    expect(all.filter(({ transaction }) => transaction === undefined)).toHaveLength(1);
    const given = await onMain.transaction(async () => mine.find());
    await expect(given.toArray()).rejects.toThrow(TransactionEndedError);
    await onMain.withSession(async (session) => {
      session.startTransaction();
      await expect(mine.findOne()).rejects.toMatchObject({
        code: 'MONGO_OFFLOAD_FORGOTTEN_SESSION',
      });
      await expect(mine.find().toArray()).rejects.toMatchObject({
        code: 'MONGO_OFFLOAD_FORGOTTEN_SESSION',
      });
      await mine.insertOne({ _id: 610 }, { session });
    });
    expect(warnings().at(-1)).toMatch(/^MONGO_OFFLOAD_LEFT_OPEN .*transaction\.test\.ts/);
    expect(await count({ _id: 610 })).toBe(0);
    const thrown = new Error('aborted');
    const failing = onMain.transaction(async () => {
      await mine.insertOne({ _id: 620 });
      throw thrown;
    });
    expect(await caught(failing)).toBe(thrown);
    expect(await count({ _id: 620 })).toBe(0);
  } finally {
    await onMain.close();
  }
});
