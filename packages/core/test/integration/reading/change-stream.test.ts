import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { promisify } from 'node:util';

import * as ours from '@mongo-offload/core';
import * as native from 'mongodb';
import type { ChangeStream, ChangeStreamInsertDocument, Document } from 'mongodb';

import { openClients, uri, type Clients } from '../../support/clients';
import { failCommand } from '../../support/fail-point';
import { until } from '../../support/until';

const run = promisify(execFile);

interface Thing extends Document {
  _id: number;
}

/** The server waits this long for a change: the tests that wait for none need no more. */
const maxAwaitTimeMS = 50;

/** Servers put it on what a stream can resume after; a fail point's errors carry what they are given. */
const RESUMABLE = 'ResumableChangeStreamError';

const appName = `change-stream-${randomUUID().slice(0, 8)}`;
let clients: Clients;
let nextName = 0;

beforeAll(async () => {
  clients = openClients({ appName, maxPoolSize: 4 });
  await Promise.all([clients.ours.client.connect(), clients.native.client.connect()]);
});
afterAll(async () => await clients.close());

/** The `_id` of an inserted document that a change tells of. */
function idOf(change: Document | null): unknown {
  return (change as ChangeStreamInsertDocument<Thing> | null)?.documentKey._id;
}

describe.each(['ours', 'native'] as const)('a change stream (%s)', (side) => {
  let client: native.MongoClient;
  let db: native.Db;
  let collection: native.Collection<Thing>;

  beforeEach(async () => {
    ({ client, db } = clients[side]);
    collection = await db.createCollection<Thing>(`${side}${nextName++}`);
  });

  async function opened(stream: ChangeStream<Thing>): Promise<ChangeStream<Thing>> {
    expect(await stream.tryNext()).toBeNull();
    return stream;
  }

  test.each([
    ['collection', (): ChangeStream<Thing> => collection.watch<Thing>([], { maxAwaitTimeMS })],
    ['database', (): ChangeStream<Thing> => db.watch<Thing>(match(), { maxAwaitTimeMS })],
    ['client', (): ChangeStream<Thing> => client.watch<Thing>(match(), { maxAwaitTimeMS })],
  ])('tells of the changes of a %s', async (_, watch) => {
    await using stream = await opened(watch());
    await collection.insertOne({ _id: 1, text: 'ä', n: native.Long.fromNumber(2 ** 53) });
    await collection.updateOne({ _id: 1 }, { $set: { text: 'b' } });
    await collection.deleteOne({ _id: 1 });

    expect(await stream.hasNext()).toBe(true);
    const inserted = await stream.next();
    expect(inserted).toMatchObject({
      operationType: 'insert',
      fullDocument: { _id: 1, text: 'ä', n: 2 ** 53 },
      ns: { db: db.databaseName, coll: collection.collectionName },
      clusterTime: expect.any(native.Timestamp) as unknown,
      wallTime: expect.any(Date) as unknown,
    });
    expect(stream.resumeToken).toStrictEqual(inserted._id);
    expect(await stream.next()).toMatchObject({ operationType: 'update', documentKey: { _id: 1 } });
    expect(await stream.next()).toMatchObject({ operationType: 'delete', documentKey: { _id: 1 } });
    expect(await stream.tryNext()).toBeNull();
    await stream.close();
    expect(stream.closed).toBe(true);
  });

  function match(): Document[] {
    return [{ $match: { 'ns.coll': collection.collectionName, 'ns.db': db.databaseName } }];
  }

  test('is read by for await, and closed by leaving the loop', async () => {
    const stream = await opened(collection.watch<Thing>([], { maxAwaitTimeMS }));
    await collection.insertMany([{ _id: 1 }, { _id: 2 }, { _id: 3 }]);
    const read: unknown[] = [];
    for await (const change of stream) {
      read.push(idOf(change));
      if (read.length === 3) break;
    }
    expect(read).toStrictEqual([1, 2, 3]);
    expect(stream.closed).toBe(true);
  });

  test('keeps a token to resume from, that of the batch behind its last document', async () => {
    const tokens: unknown[] = [];
    await using stream = collection.watch<Thing>([], { maxAwaitTimeMS, batchSize: 2 });
    stream.on('resumeTokenChanged', (token) => tokens.push(token));
    await opened(stream);
    const before = stream.resumeToken;
    expect(before).toBeTruthy();
    await collection.insertMany([{ _id: 1 }, { _id: 2 }, { _id: 3 }]);
    const first = await stream.next();
    expect(stream.resumeToken).toStrictEqual(first._id);
    expect(tokens.at(-1)).toStrictEqual(first._id);
    await stream.next();
    const third = await stream.next();
    await until(async () => (await stream.tryNext()) === null);

    await using after = collection.watch<Thing>([], { maxAwaitTimeMS, resumeAfter: first._id });
    expect([idOf(await after.next()), idOf(await after.next())]).toStrictEqual([2, 3]);
    await using behind = collection.watch<Thing>([], { maxAwaitTimeMS, startAfter: third._id });
    expect(await behind.tryNext()).toBeNull();
    const { clusterTime } = third as unknown as { clusterTime: native.Timestamp };
    await using at = collection.watch<Thing>([], {
      maxAwaitTimeMS,
      startAtOperationTime: clusterTime,
    });
    expect(idOf(await at.next())).toBeDefined();
  });

  test('takes a pipeline and asks for whole documents, before and after', async () => {
    const name = `${side}${nextName++}`;
    const images = await db.createCollection<Thing>(name, {
      changeStreamPreAndPostImages: { enabled: true },
    });
    await images.insertOne({ _id: 1, n: 1 });
    await using stream = images.watch<Thing>([{ $addFields: { mine: true } }], {
      maxAwaitTimeMS,
      fullDocument: 'updateLookup',
      fullDocumentBeforeChange: 'required',
    });
    await opened(stream);
    await images.updateOne({ _id: 1 }, { $inc: { n: 1 } });
    expect(await stream.next()).toMatchObject({
      mine: true,
      fullDocument: { _id: 1, n: 2 },
      fullDocumentBeforeChange: { _id: 1, n: 1 },
    });
  });

  test('gives values as the options for BSON say', async () => {
    await using stream = collection.watch<Thing>([], {
      maxAwaitTimeMS,
      promoteValues: false,
    });
    await opened(stream);
    await collection.insertOne({ _id: 1, d: 1.5 });
    expect(await stream.next()).toMatchObject({
      fullDocument: { _id: new native.Int32(1), d: new native.Double(1.5) },
    });
  });

  test('flows as events once someone listens', async () => {
    const stream = collection.watch<Thing>([], { maxAwaitTimeMS });
    const seen: unknown[] = [];
    const initialized = once(cursorOf(stream), 'init');
    stream.on('change', (change) => seen.push(idOf(change)));
    await initialized;
    await collection.insertMany([{ _id: 1 }, { _id: 2 }]);
    await until(() => seen.length === 2);
    expect(seen).toStrictEqual([1, 2]);
    await expect(stream.next()).rejects.toThrow(
      new native.MongoAPIError(
        'ChangeStream cannot be used as an iterator after being used as an EventEmitter',
      ),
    );
    const closed = once(stream, 'close');
    await stream.close();
    await closed;
    expect(stream.closed).toBe(true);
  });

  test('read as an iterator, takes no listener for changes', async () => {
    await using stream = await opened(collection.watch<Thing>([], { maxAwaitTimeMS }));
    expect(() => stream.on('change', () => undefined)).toThrow(
      'ChangeStream cannot be used as an EventEmitter after being used as an iterator',
    );
  });

  test('is a Node stream too', async () => {
    const stream = collection.watch<Thing>([], { maxAwaitTimeMS });
    const initialized = once(cursorOf(stream), 'init');
    const readable = stream.stream();
    const changes = readable[Symbol.asyncIterator]() as AsyncIterator<Document, Document>;
    const first = changes.next();
    await initialized;
    await collection.insertOne({ _id: 1 });
    expect(idOf((await first).value)).toBe(1);
    await stream.close();
    expect(() => stream.stream()).toThrow(native.MongoChangeStreamError);
  });

  test('ends with what is wrong with its pipeline', async () => {
    const stream = collection.watch<Thing>([{ $nope: 1 }]);
    await expect(stream.next()).rejects.toMatchObject({ name: 'MongoServerError', code: 40324 });
    expect(stream.closed).toBe(true);

    const emitter = collection.watch<Thing>([{ $nope: 1 }]);
    const failed = once(emitter, 'error');
    emitter.on('change', () => undefined);
    expect(await failed).toMatchObject([{ name: 'MongoServerError', code: 40324 }]);
  });

  test('without the token of a change cannot go on', async () => {
    const stream = await opened(
      collection.watch<Thing>([{ $project: { _id: 0 } }], { maxAwaitTimeMS }),
    );
    await collection.insertOne({ _id: 1 });
    await expect(stream.next()).rejects.toMatchObject({ code: 280 });
  });

  test('tells that its collection is gone, and ends', async () => {
    await using stream = await opened(collection.watch<Thing>([], { maxAwaitTimeMS }));
    await collection.drop();
    expect(await stream.next()).toMatchObject({ operationType: 'drop' });
    expect(await stream.next()).toMatchObject({ operationType: 'invalidate' });
    await expect(stream.next()).rejects.toThrow('ChangeStream is closed');
  });

  test('closes while someone waits for a change', async () => {
    const stream = await opened(collection.watch<Thing>());
    const waiting = stream.next();
    const outcome = expect(waiting).rejects.toThrow('ChangeStream is closed');
    await Promise.all([stream.close(), stream.close()]);
    await outcome;
    await expect(stream.tryNext()).rejects.toThrow('ChangeStream is closed');
    await stream.close();
  });

  test.each([
    ['a lost connection', { closeConnection: true }],
    ['a server that shuts down', { errorCode: 11600, errorLabels: [RESUMABLE] }],
    ['a primary that stepped down', { errorCode: 189, errorLabels: [RESUMABLE] }],
    ['a cursor that the server forgot', { errorCode: 43 }],
  ])('resumes after %s, and misses nothing', async (_, failure) => {
    await using stream = await opened(collection.watch<Thing>([], { maxAwaitTimeMS }));
    await collection.insertOne({ _id: 1 });
    expect(idOf(await stream.next())).toBe(1);
    const off = await failCommand(
      clients.native.client,
      appName,
      { times: 1 },
      { failCommands: ['getMore'], ...failure },
    );
    try {
      const next = stream.next();
      await collection.insertOne({ _id: 2 });
      expect(idOf(await next)).toBe(2);
      expect(stream.closed).toBe(false);
    } finally {
      await off();
    }
  });

  test('resumes as events do', async () => {
    const stream = collection.watch<Thing>([], { maxAwaitTimeMS });
    const seen: unknown[] = [];
    const initialized = once(cursorOf(stream), 'init');
    stream.on('change', (change) => seen.push(idOf(change)));
    await initialized;
    const cursor = cursorOf(stream);
    const off = await failCommand(
      clients.native.client,
      appName,
      { times: 1 },
      { failCommands: ['getMore'], errorCode: 11600, errorLabels: [RESUMABLE] },
    );
    try {
      await collection.insertOne({ _id: 1 });
      await until(() => seen.length === 1 && cursorOf(stream) !== cursor);
      await collection.insertOne({ _id: 2 });
      await until(() => seen.length === 2);
      expect(seen).toStrictEqual([1, 2]);
    } finally {
      await off();
      await stream.close();
    }
  });

  test('does not resume from what it cannot', async () => {
    const stream = await opened(collection.watch<Thing>([], { maxAwaitTimeMS }));
    const off = await failCommand(
      clients.native.client,
      appName,
      { times: 1 },
      { failCommands: ['getMore'], errorCode: 26 },
    );
    try {
      await expect(stream.next()).rejects.toMatchObject({ name: 'MongoServerError', code: 26 });
      expect(stream.closed).toBe(true);
    } finally {
      await off();
    }
  });

  test('with a session belongs to it', async () => {
    await using session = client.startSession();
    await using stream = collection.watch<Thing>([], { maxAwaitTimeMS, session });
    await opened(stream);
    await collection.insertOne({ _id: 1 });
    expect(idOf(await stream.next())).toBe(1);
    expect(session.operationTime).toBeDefined();
  });
});

/** The stream's cursor: the driver's own tests wait for its event `init` as well. */
function cursorOf(stream: ChangeStream<Thing>): NodeJS.EventEmitter {
  return (stream as unknown as { cursor: NodeJS.EventEmitter }).cursor;
}

test('classes are ours and the driver’s at once', async () => {
  const { client, db } = clients.ours;
  for (const stream of [db.collection('classes').watch(), db.watch(), client.watch()]) {
    expect(stream).toBeInstanceOf(ours.ChangeStream);
    expect(stream).toBeInstanceOf(native.ChangeStream);
    await stream.close();
  }
  expect(ours.ChangeStream.CHANGE).toBe('change');
});

test('a stream tells of what is written in the line behind it', async () => {
  const { db } = clients.ours;
  for (let round = 0; round < 10; round++) {
    const collection = db.collection<Thing>(`unawaited${round}`);
    const stream = collection.watch<Thing>();
    const [change] = await Promise.all([stream.next(), collection.insertOne({ _id: round })]);
    expect(idOf(change)).toBe(round);
    await stream.close();

    const emitter = collection.watch<Thing>();
    const changed = once(emitter, 'change') as Promise<[Document]>;
    const inserted = collection.insertOne({ _id: round + 1000 });
    expect(idOf((await changed)[0])).toBe(round + 1000);
    await inserted;
    await emitter.close();
  }
});

test('three hundred open streams take no connection from other operations', async () => {
  await using client = new ours.MongoClient(uri(), { maxPoolSize: 5, waitQueueTimeoutMS: 5_000 });
  const collection = await client.db(clients.dbName).createCollection<Thing>('many');
  const seen = new Map<number, unknown[]>();
  const streams = Array.from({ length: 300 }, (_, n) => {
    const stream = collection.watch<Thing>([], { maxAwaitTimeMS: 60_000 });
    seen.set(n, []);
    stream.on('change', (change) => seen.get(n)!.push(idOf(change)));
    return stream;
  });
  await Promise.all(streams.map(async (stream) => await once(cursorOf(stream), 'init')));
  // Each waits for a minute; were they in the pool of five, these would wait as long.
  for (let i = 0; i < 50; i++) await collection.findOne({ _id: i });
  await collection.insertOne({ _id: 1 });
  await until(() => [...seen.values()].every((ids) => ids.length === 1));
  expect(new Set([...seen.values()].flat())).toStrictEqual(new Set([1]));
  await Promise.all(streams.map(async (stream) => await stream.close()));
});

test('tailable cursors that wait take no connection either', async () => {
  await using client = new ours.MongoClient(uri(), { maxPoolSize: 1, waitQueueTimeoutMS: 5_000 });
  const db = client.db(clients.dbName);
  const capped = await db.createCollection<Thing>('capped', { capped: true, size: 65_536 });
  await capped.insertOne({ _id: 0 });
  const cursors = Array.from({ length: 10 }, () =>
    capped.find({}, { tailable: true, awaitData: true, maxAwaitTimeMS: 60_000 }),
  );
  for (const cursor of cursors) expect(await cursor.next()).toStrictEqual({ _id: 0 });
  const waiting = cursors.map(async (cursor) => await cursor.next());
  expect(await capped.countDocuments()).toBe(1);
  await capped.insertOne({ _id: 1 });
  expect(await Promise.all(waiting)).toStrictEqual(cursors.map(() => ({ _id: 1 })));
  await Promise.all(cursors.map(async (cursor) => await cursor.close()));
});

test('a closed client ends its streams, with the driver’s error where it cuts a read short', async () => {
  const name = (error: unknown): string => (error as Error).name;
  const client = new ours.MongoClient(uri());
  const collection = client.db(clients.dbName).collection<Thing>('closing');
  const [iterated, emitter] = [1, 2].map(() =>
    collection.watch<Thing>([], { maxAwaitTimeMS: 60_000 }),
  ) as [ChangeStream<Thing>, ChangeStream<Thing>];
  const cursors = [iterated, emitter].map(cursorOf);
  const initialized = Promise.all(cursors.map((cursor) => once(cursor, 'init')));
  const closed = Promise.all(cursors.map((cursor) => once(cursor, 'close')));
  const reads = [iterated.next().catch(name), once(emitter, 'change').catch(name)];
  await initialized;
  // What is to be cut short is a read that the server holds.
  await until(async () => {
    const stages = [
      { $currentOp: {} },
      { $match: { 'command.collection': 'closing', 'command.getMore': { $exists: true } } },
    ];
    return (await clients.native.client.db('admin').aggregate(stages).toArray()).length === 2;
  });
  await client.close();
  await closed;
  expect(await Promise.all(reads)).toStrictEqual(Array(2).fill('MongoClientClosedError'));
  expect([iterated.closed, emitter.closed]).toStrictEqual([true, true]);
});

/** Runs a program of its own, for what a test in this process cannot do. */
async function program(body: string): Promise<string> {
  const source = `
    const { MongoClient } = require('@mongo-offload/core');
    const workers = [];
    process.on('worker', (worker) => workers.push(worker));
    (async () => {
      const client = new MongoClient(${JSON.stringify(uri())}, { offload: { workers: 2 } });
      const collection = client.db(${JSON.stringify(clients.dbName)}).collection('programs');
      const native = new (require('mongodb').MongoClient)(${JSON.stringify(uri())});
      const other = native.db(${JSON.stringify(clients.dbName)}).collection('programs');
      ${body}
    })();`;
  const { stdout } = await run(process.execPath, ['-e', source], {
    cwd: __dirname,
    timeout: 25_000,
  });
  return stdout.trim();
}

test('a stream whose worker died resumes on another', async () => {
  const output = await program(`
    const stream = collection.watch([], { maxAwaitTimeMS: 100 });
    const next = stream.next();
    await collection.insertOne({ _id: 'before' });
    console.log((await next).documentKey._id);
    const waiting = stream.next();
    await Promise.all(workers.map((worker) => worker.terminate()));
    await other.insertOne({ _id: 'behind' });
    console.log((await waiting).documentKey._id);
    await client.close();
    await native.close();
  `);
  expect(output.split('\n')).toStrictEqual(['before', 'behind']);
});

test('a program that closes its client ends by itself, with a stream still open', async () => {
  const output = await program(`
    const stream = collection.watch();
    stream.on('change', () => {});
    stream.on('error', () => {});
    await collection.findOne({});
    await client.close();
    await native.close();
    console.log(stream.closed);
  `);
  expect(output).toBe('true');
});
