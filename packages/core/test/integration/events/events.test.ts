import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import { inspect, types } from 'node:util';
import { MessagePort } from 'node:worker_threads';

import type { OffloadMongoClientOptions } from '@mongo-offload/core';
import * as native from 'mongodb';
import { Decimal128, Double, Long, MongoServerError, ObjectId, UUID, type Document } from 'mongodb';

import { openClients, uri, type Clients } from '../../support/clients';

const COMMANDS = ['commandStarted', 'commandSucceeded', 'commandFailed'] as const;
const POOL = [
  ...[
    'connectionPoolCreated',
    'connectionPoolReady',
    'connectionPoolCleared',
    'connectionPoolClosed',
  ],
  ...['connectionCreated', 'connectionReady', 'connectionClosed', 'connectionCheckOutStarted'],
  ...['connectionCheckOutFailed', 'connectionCheckedOut', 'connectionCheckedIn'],
];
const TOPOLOGY = [
  ...['topologyOpening', 'topologyDescriptionChanged', 'topologyClosed'],
  ...['serverOpening', 'serverDescriptionChanged', 'serverClosed'],
];

interface Heard {
  name: string;
  event: Document;
  context: unknown;
}

const storage = new AsyncLocalStorage<string>();

/** Everything of these names that the client emits from now on. */
function hear(client: native.MongoClient, names: readonly string[]): Heard[] {
  const heard: Heard[] = [];
  for (const name of names) {
    (client as unknown as NodeJS.EventEmitter).on(name, (event: Document) =>
      heard.push({ name, event, context: storage.getStore() }),
    );
  }
  return heard;
}

/** What differs from one connection and moment to the next; its class is compared all the same. */
const VOLATILE = new Set([
  'requestId', 'connectionId', 'serverConnectionId', 'duration', 'durationMS', 'time', 'stack', 'clusterTime',
  'operationTime', 'electionId', 'opTime', 'hash', 'keyId',
]); // prettier-ignore

/** A value with its classes, to be compared whole. */
function told(value: unknown, key = ''): unknown {
  if (typeof value !== 'object' || value === null) return VOLATILE.has(key) ? typeof value : value;
  const { name } = value.constructor ?? { name: 'null' };
  if (VOLATILE.has(key)) return name;
  if (key === 'lsid') return { is: name, id: (value as Document).id.constructor.name };
  if ('_bsontype' in value || types.isDate(value) || types.isRegExp(value))
    return `${name} ${inspect(value)}`;
  if (ArrayBuffer.isView(value)) return `${name} ${Buffer.from(value.buffer).length > 0}`;
  if (Array.isArray(value)) return value.map((item) => told(item));
  if (types.isSet(value)) return { is: name, values: [...value] };
  if (types.isMap(value)) return { is: name, entries: [...value].map(([k, v]) => [k, told(v)]) };
  const entries = Object.entries(value).filter(
    ([k]) => !k.startsWith('offload') && k !== '$clusterTime' && k !== 'getMore',
  );
  const message = types.isNativeError(value) ? [['message', value.message]] : [];
  return { is: name, entries: [...message, ...entries.map(([k, v]) => [k, told(v, k)])] };
}

const sequence = (heard: Heard[]): string[] =>
  heard.map(({ name, event }) => `${name} ${event.commandName ?? ''}`);

let clients: Clients;

async function open(
  options: OffloadMongoClientOptions = {},
): Promise<{ ours: Heard[]; theirs: Heard[] }> {
  clients = openClients(options);
  return {
    ours: hear(clients.ours.client, COMMANDS),
    theirs: hear(clients.native.client, COMMANDS),
  };
}

afterEach(async () => {
  await clients?.close();
});

/** Runs the same on both drivers; each on a collection of the same name, in turn. */
async function onBoth(run: (collection: native.Collection) => Promise<unknown>): Promise<void> {
  for (const side of [clients.native, clients.ours]) {
    await clients.native.db.collection('things').deleteMany({});
    await run(side.db.collection('things')).catch((error: unknown) => error);
  }
}

describe('command events are those of the driver', () => {
  const _id = new ObjectId();
  const workloads: Record<string, (collection: native.Collection) => Promise<unknown>> = {
    'insertOne with values of all kinds': (collection) =>
      collection.insertOne({
        _id,
        int: 1,
        double: 1.5,
        large: 2 ** 40,
        wrapped: new Double(5),
        long: Long.fromNumber(5),
        decimal: new Decimal128('1.50'),
        date: new Date(0),
        pattern: /a.b/i,
        nested: { list: [1, { b: null }], empty: {} },
        text: 'schön',
      }),
    insertMany: (collection) =>
      collection.insertMany([{ _id: 1 }, { _id: 2 }, { _id: 3 }] as Document[]),
    'find with what a cursor’s methods set, through several batches': async (collection) => {
      await collection.insertMany([{ _id: 1 }, { _id: 2 }, { _id: 3 }] as Document[]);
      const limits = { batchSize: 1, comment: 'of the options' };
      await collection.find().comment('of find').maxAwaitTimeMS(50).batchSize(2).toArray();
      await collection.find({}, limits).comment('of find').maxTimeMS(5_000).toArray();
      await collection.find().addQueryModifier('$comment', '').batchSize(2).toArray();
    },
    'find with sort, through several batches': async (collection) => {
      await collection.insertMany(
        Array.from({ length: 7 }, (_, i): Document => ({ _id: i, a: i % 2 })),
      );
      await collection
        .find({ a: { $gte: 0 } }, { sort: { a: 1, _id: -1 }, batchSize: 3, projection: { a: 1 } })
        .toArray();
    },
    'a cursor that is closed early': async (collection) => {
      await collection.insertMany(Array.from({ length: 7 }, (_, i): Document => ({ _id: i })));
      const cursor = collection.find({}, { batchSize: 2 });
      await cursor.next();
      await cursor.close();
    },
    'findOne, found and not': async (collection) => {
      await collection.insertOne({ _id, uuid: new UUID('0123456789abcdef0123456789abcdef') });
      await collection.findOne({ _id });
      await collection.findOne({ _id: 'no' as never });
    },
    'updates and deletes': async (collection) => {
      await collection.updateOne({ _id: 1 as never }, { $set: { n: 1 } }, { upsert: true });
      await collection.replaceOne({ _id: 1 as never }, { n: 2 });
      await collection.findOneAndUpdate(
        { _id: 1 as never },
        { $inc: { n: 1 } },
        { sort: { n: 1 } },
      );
      await collection.deleteOne({ n: 3 });
      await collection.deleteMany({});
    },
    'aggregate, distinct, counts': async (collection) => {
      await collection.insertMany([
        { _id: 1 as never, a: 1 },
        { _id: 2 as never, a: 2 },
      ]);
      await collection
        .aggregate([{ $group: { _id: '$a', n: { $sum: 1 } } }, { $sort: { _id: 1 } }])
        .toArray();
      await collection.distinct('a', { a: { $gt: 1 } });
      await collection.countDocuments({ a: 1 });
      await collection.estimatedDocumentCount();
    },
    'createIndex and its removal': async (collection) => {
      await collection.insertOne({ _id, a: 1 });
      await collection.createIndex({ a: 1, b: -1 }, { name: 'ab' });
      await collection.listIndexes().toArray();
      await collection.dropIndex('ab');
    },
    'a write that the server refuses': async (collection) => {
      await collection.insertOne({ _id });
      await collection.insertOne({ _id });
    },
    'values that stand in a reply, not in a document': async (collection) => {
      await collection.insertOne({ _id, r: /a/i, d: new Date(5) });
      await collection.distinct('r');
      await collection.distinct('d');
    },
    'a command that fails': (collection) => collection.find({ $nonsense: 1 }).toArray(),
    bulkWrite: (collection) =>
      collection.bulkWrite([
        { insertOne: { document: { _id: 1 as never } } },
        { updateOne: { filter: { _id: 1 as never }, update: { $set: { a: 1 } } } },
        { deleteOne: { filter: { _id: 1 as never } } },
      ]),
  };

  test.each(Object.entries(workloads))('%s', async (_, run) => {
    const { ours, theirs } = await open({ monitorCommands: true });
    await onBoth(run);
    const withoutIds = (heard: Heard[]): Heard[] =>
      heard.filter(({ event }) => !(event.commandName === 'deleteMany'));
    const seen = withoutIds(ours);
    // The test's own clearing of the collection ran twice on the native client.
    const expected = withoutIds(theirs).slice(2, -2);
    expect(sequence(seen)).toEqual(sequence(expected));
    expect(seen.map(({ event }) => withoutCursorIds(told(event)))).toEqual(
      expected.map(({ event }) => withoutCursorIds(told(event))),
    );
    for (const { name, event } of seen) {
      expect(event).toBeInstanceOf(native[`C${name.slice(1)}Event` as 'CommandStartedEvent']);
      expect(event.hasServiceId).toBe(false);
    }
  });

  test.each<OffloadMongoClientOptions>([
    { promoteValues: false },
    { promoteLongs: false },
    { promoteBuffers: true },
    { useBigInt64: true },
    { bsonRegExp: true },
  ])('replies are decoded with the options %j', async (options) => {
    const { ours, theirs } = await open({ monitorCommands: true, ...options });
    await onBoth(async (collection) => {
      await collection.insertOne({
        _id: 1 as never,
        l: Long.MAX_VALUE,
        b: Buffer.from('bytes'),
        r: /a/,
      });
      await collection.findOne({});
      await collection.find({}).toArray();
    });
    const reply = ({ event }: Heard): unknown => told(event.reply);
    const succeeded = (heard: Heard[]): unknown[] =>
      heard.filter(({ name }) => name === 'commandSucceeded').map(reply);
    expect(succeeded(ours)).toEqual(succeeded(theirs).slice(1, -1));
  });

  test('`raw: true` replies as well', async () => {
    const { ours, theirs } = await open({ monitorCommands: true });
    await onBoth(async (collection) => {
      await collection.insertOne({ _id: 1 as never });
      await collection.findOne({}, { raw: true });
      await collection.aggregate([{ $match: {} }], { raw: true }).toArray();
    });
    const replies = (heard: Heard[]): unknown[] =>
      heard.filter(({ name }) => name === 'commandSucceeded').map(({ event }) => told(event.reply));
    expect(replies(ours)).toEqual(replies(theirs).slice(1, -1));
  });

  test('what must stay secret is redacted', async () => {
    const { ours, theirs } = await open({ monitorCommands: true });
    for (const { db } of [clients.native, clients.ours]) {
      await db.command({ createUser: 'secret', pwd: 'secret', roles: [] }).catch(() => undefined);
      await db.command({ dropUser: 'secret' }).catch(() => undefined);
    }
    expect(ours.map(({ event }) => told(event))).toEqual(theirs.map(({ event }) => told(event)));
    expect(inspect(ours, { depth: 9 })).not.toContain('pwd');
  });

  test('a failure is the driver’s error', async () => {
    const { ours } = await open({ monitorCommands: true });
    await clients.ours.db.command({ nonsense: 1 }).catch(() => undefined);
    const failure: unknown = ours[1].event.failure;
    expect(failure).toBeInstanceOf(MongoServerError);
    expect(failure).toMatchObject({ code: 59, codeName: 'CommandNotFound' });
  });

  test('a request is started before it succeeds, and each has a number of its own', async () => {
    const { ours } = await open({ monitorCommands: true, offload: { workers: 2 } });
    const collection = clients.ours.db.collection('things');
    await Promise.all(Array.from({ length: 40 }, async () => await collection.findOne({})));
    const started = new Set<number>();
    const ended = new Set<number>();
    for (const { name, event } of ours) {
      const id = event.requestId as number;
      if (name === 'commandStarted') {
        expect(started.has(id)).toBe(false);
        started.add(id);
      } else {
        expect(started.has(id)).toBe(true);
        ended.add(id);
      }
    }
    expect(started.size).toBe(40);
    expect(ended.size).toBe(40);
    expect(new Set(ours.map(({ event }) => event.offloadWorker as number)).size).toBe(2);
  });
});

function withoutCursorIds(event: unknown): unknown {
  return JSON.parse(JSON.stringify(event).replace(/new Long\('\d{9,}'\)/g, 'cursor'));
}

describe('who listens when', () => {
  test('nobody hears commands without monitorCommands', async () => {
    const { ours } = await open();
    await clients.ours.db.collection('things').findOne({});
    expect(ours).toEqual([]);
  });

  test('monitorCommands may be set until the client connects', async () => {
    const { ours } = await open();
    (clients.ours.client as unknown as { monitorCommands: boolean }).monitorCommands = true;
    await clients.ours.db.collection('things').findOne({});
    expect(sequence(ours)).toEqual(['commandStarted find', 'commandSucceeded find']);
  });

  test('a listener may come when the workers are connected, and go', async () => {
    clients = openClients({ monitorCommands: true });
    const { client, db } = clients.ours;
    const collection = db.collection('things');
    await Promise.all(Array.from({ length: 8 }, async () => await collection.findOne({})));
    const heard: string[] = [];
    const listener = ({ commandName }: native.CommandStartedEvent): number =>
      heard.push(commandName);
    client.prependListener('commandStarted', listener);
    await collection.findOne({});
    expect(heard).toEqual(['find']);
    client.off('commandStarted', listener);
    await collection.findOne({});
    expect(heard).toEqual(['find']);
    client.once('commandStarted', listener);
    await collection.findOne({});
    await collection.findOne({});
    expect(heard).toEqual(['find', 'find']);
    client.addListener('commandStarted', listener);
    client.removeAllListeners();
    await collection.findOne({});
    expect(heard).toEqual(['find', 'find']);
  });

  test('a client that monitors commands runs in the workers', async () => {
    const { ours } = await open({ monitorCommands: true, offload: { strict: true } });
    await clients.ours.db.collection('things').insertOne({});
    expect(ours[0].event.offloadWorker).toEqual(expect.any(Number));
  });

  test('what a listener throws does not harm the operation', async () => {
    clients = openClients({ monitorCommands: true });
    const thrown = new Promise((resolve) => {
      const caught = (error: Error): void => {
        resolve(error.message);
        process.setUncaughtExceptionCaptureCallback(null);
      };
      process.setUncaughtExceptionCaptureCallback(caught);
    });
    clients.ours.client.once('commandStarted', () => {
      throw new Error('from the listener');
    });
    expect(await clients.ours.db.collection('things').findOne({})).toBeNull();
    expect(await thrown).toBe('from the listener');
  });

  test('console.log of an event shows its documents', async () => {
    const { ours } = await open({ monitorCommands: true });
    await clients.ours.db.collection('things').findOne({ needle: 1 });
    expect(inspect(ours[0].event)).toMatch(/^CommandStartedEvent \{[^]*needle/);
    expect({ ...ours[1].event }.reply).toMatchObject({ ok: 1 });
  });
});

describe('the context of the operation', () => {
  test('its listeners run in it, those of a cursor’s later batches too', async () => {
    const { ours } = await open({ monitorCommands: true });
    const collection = clients.ours.db.collection('things');
    await storage.run('insert', () =>
      collection.insertMany(Array.from({ length: 10 }, () => ({}))),
    );
    await Promise.all(
      Array.from({ length: 5 }, async (_, i) =>
        storage.run(`find ${i}`, async () => {
          expect(
            await collection.find({}, { batchSize: 2, comment: `find ${i}` }).toArray(),
          ).toHaveLength(10);
        }),
      ),
    );
    const started = ours.filter(({ name }) => name === 'commandStarted');
    expect(started.filter(({ event }) => event.commandName === 'getMore')).toHaveLength(25);
    for (const { event, context } of started) {
      const { comment } = event.command as Document;
      expect(context).toBe(event.commandName === 'insert' ? 'insert' : comment);
    }
  });

  test('events come before the operation settles', async () => {
    const { ours } = await open({ monitorCommands: true });
    const collection = clients.ours.db.collection('things');
    await collection.insertMany(Array.from({ length: 12 }, (_, i): Document => ({ _id: i })));
    expect(sequence(ours)).toEqual(['commandStarted insert', 'commandSucceeded insert']);
    const cursor = collection.find({}, { batchSize: 3 });
    for (let i = 0; i < 4; i++) {
      for (let j = 0; j < 3; j++) await cursor.next();
      const ended = ours.filter(({ name }) => name === 'commandSucceeded').length;
      expect(ended).toBeGreaterThanOrEqual(2 + i);
    }
    const closing = cursor.close();
    await closing;
    const started = ours.filter(({ name }) => name === 'commandStarted').length;
    expect(ours).toHaveLength(started * 2);
  });
});

describe('pools', () => {
  test('each worker’s pool tells its own story, and says which it is', async () => {
    clients = openClients({ offload: { workers: 2 } });
    const heard = hear(clients.ours.client, POOL);
    const collection = clients.ours.db.collection('things');
    await storage.run('reading', async () => {
      await Promise.all(Array.from({ length: 8 }, async () => await collection.findOne({})));
    });
    await clients.ours.client.close();
    for (const worker of [0, 1]) {
      const story = heard.filter(({ event }) => event.offloadWorker === worker);
      expect(story.slice(0, 3).map(({ name }) => name)).toEqual([
        'connectionPoolCreated',
        'connectionPoolReady',
        'connectionCheckOutStarted',
      ]);
      expect(story.at(-1)?.name).toBe('connectionPoolClosed');
      for (const { name, event } of story) {
        expect(event).toBeInstanceOf(
          native[`C${name.slice(1)}Event` as 'ConnectionPoolCreatedEvent'],
        );
        expect(types.isDate(event.time)).toBe(true);
      }
      expect(story.some(({ context }) => context === 'reading')).toBe(true);
    }
    expect(heard.filter(({ event }) => event.offloadWorker === undefined)).toEqual([]);
  });

  test('one worker’s events are those of the driver, in its order', async () => {
    clients = openClients({ offload: { workers: 1 } });
    const ours = hear(clients.ours.client, POOL);
    const theirs = hear(clients.native.client, POOL);
    for (const { db } of [clients.native, clients.ours]) {
      await db.collection('things').findOne({});
      await db.collection('things').findOne({});
    }
    expect(ours.map(({ event }) => told(event))).toEqual(theirs.map(({ event }) => told(event)));
  });
});

describe('the topology has one story', () => {
  test('told by the main thread, once, however many workers there are', async () => {
    clients = openClients({ offload: { workers: 2 } });
    const ours = hear(clients.ours.client, TOPOLOGY);
    const theirs = hear(clients.native.client, TOPOLOGY);
    for (const { client, db } of [clients.native, clients.ours]) {
      await client.connect();
      await Promise.all(
        Array.from({ length: 8 }, async () => await db.collection('things').findOne({})),
      );
    }
    expect(ours.map(({ name }) => name)).toEqual(theirs.map(({ name }) => name));
  });
});

describe('the log', () => {
  interface Line extends Document {
    c: string;
    message: string;
  }

  const SETTINGS = {
    command: 'debug',
    connection: 'debug',
    serverSelection: 'debug',
    topology: 'debug',
  } as const;

  function logging(lines: Line[], write?: (line: Line) => unknown): OffloadMongoClientOptions {
    return {
      mongodbLogPath: {
        write: (write ?? ((line: Line) => lines.push(line))) as (line: native.Log) => unknown,
      },
      mongodbLogComponentSeverities: SETTINGS,
      offload: { workers: 1, strict: true },
    };
  }

  const said = (lines: Line[], component: string): string[] =>
    lines
      .filter(({ c }) => c === component)
      .map(({ message, operation }) => `${message} ${operation ?? ''}`);

  /** What both drivers log of the same. */
  async function log(
    run: (db: native.Db) => Promise<unknown>,
  ): Promise<{ ours: Line[]; theirs: Line[] }> {
    const ours: Line[] = [];
    clients = openClients(logging(ours));
    const theirs: Line[] = [];
    const { offload: _, ...options } = logging(theirs);
    const client = new native.MongoClient(uri(), options);
    await run(client.db(clients.dbName));
    await client.close();
    await run(clients.ours.db);
    await clients.ours.client.close();
    return { ours, theirs };
  }

  test('goes to the destination of the program’s, with what the driver says', async () => {
    const { ours, theirs } = await log(async (db) => {
      await db.collection('things').insertOne({ _id: 1 as never, text: 'here it is' });
      await db.collection('things').findOne({ text: { $ne: 'not' } });
      await db.collection('things').drop();
    });
    expect(said(ours, 'command')).toEqual(said(theirs, 'command'));
    expect(said(ours, 'connection')).toEqual(said(theirs, 'connection'));
    const documents = (lines: Line[]): string[] =>
      lines
        .filter(({ c }) => c === 'command')
        .map(({ command, reply }) =>
          String(command ?? reply).replace(
            /,?"(endSessions|lsid|\$clusterTime|operationTime|electionId|opTime)".*/,
            '',
          ),
        );
    expect(documents(ours)).toEqual(documents(theirs));
    expect(documents(ours)[3]).toContain('"text":"here it is"');
    const keys = (lines: Line[]): string[][] =>
      lines
        .filter(({ c }) => c === 'command' || c === 'connection')
        .map((line) => Object.keys(line).filter((key) => key !== 'offloadWorker'));
    expect(keys(ours)).toEqual(keys(theirs));
  });

  test('tells of the topology once', async () => {
    const { ours, theirs } = await log(async (db) => await db.command({ ping: 1 }));
    const topology = (lines: Line[]): string[] =>
      said(lines, 'topology').filter((message) => !/heartbeat/.test(message));
    expect(topology(ours)).toEqual(topology(theirs));
  });

  test('is written in order, also by a writer that takes its time', async () => {
    const lines: Line[] = [];
    const write = async (line: Line): Promise<void> => {
      await new Promise((done) => setTimeout(done, 1));
      lines.push(line);
    };
    clients = openClients(logging([], write));
    for (let i = 0; i < 3; i++) await clients.ours.db.command({ ping: 1 });
    await new Promise((done) => setTimeout(done, 300));
    expect(said(lines, 'command')).toEqual(
      [1, 2, 3].flatMap(() => ['Command started ', 'Command succeeded ']),
    );
  });

  test('is written in the context of the operation', async () => {
    const contexts = new Set<unknown>();
    const write = (line: Line): unknown => line.c === 'command' && contexts.add(storage.getStore());
    clients = openClients(logging([], write));
    await storage.run('ping', async () => await clients.ours.db.command({ ping: 1 }));
    expect([...contexts]).toEqual(['ping']);
  });
});

describe('sessions and change streams', () => {
  test('the commands of a transaction are told, in its steps’ contexts', async () => {
    const { ours } = await open({ monitorCommands: true });
    const collection = clients.ours.db.collection('things');
    await collection.insertOne({});
    ours.length = 0;
    const session = clients.ours.client.startSession();
    session.startTransaction();
    await storage.run('insert', () => collection.insertOne({}, { session }));
    await storage.run('commit', () => session.commitTransaction());
    await session.endSession();
    const started = ours.filter(({ name }) => name === 'commandStarted');
    expect(started.map(({ event, context }) => [event.commandName as string, context])).toEqual([
      ['insert', 'insert'],
      ['commitTransaction', 'commit'],
    ]);
  });

  test('a change stream’s commands come from the worker’s other pool', async () => {
    const { ours } = await open({ monitorCommands: true });
    const collection = clients.ours.db.collection('things');
    await collection.insertOne({});
    const stream = collection.watch();
    const next = stream.next();
    await collection.insertOne({ needle: 1 });
    expect(await next).toMatchObject({ operationType: 'insert' });
    await stream.close();
    const aggregate = ours.filter(({ event }) => event.commandName === 'aggregate');
    expect(aggregate.map(({ event }) => event.offloadPool as string)).toEqual([
      'waiting',
      'waiting',
    ]);
    expect(ours.find(({ event }) => event.commandName === 'insert')?.event.offloadPool).toBe(
      'operations',
    );
  });
});

describe('a client without listeners', () => {
  test('keeps no contexts, and asks its workers for no events', async () => {
    const destroyed = jest.spyOn(AsyncResource.prototype, 'emitDestroy');
    const contexts = (): number =>
      destroyed.mock.contexts.filter((of) => of.constructor.name === 'CapturedContext').length;
    const posted = jest.spyOn(MessagePort.prototype, 'postMessage');
    try {
      clients = openClients({ offload: { workers: 1 } });
      const collection = clients.ours.db.collection('things');
      await collection.insertMany(Array.from({ length: 5 }, () => ({})));
      await collection.findOne({});
      await collection.find({}, { batchSize: 2 }).toArray();
      expect(contexts()).toBe(0);
      const messages = posted.mock.calls.map(([message]) => (message as { type?: string }).type);
      expect(messages).toContain('calls');
      expect(messages).not.toContain('listen');
      clients.ours.client.on('commandStarted', () => undefined);
      await collection.findOne({});
      expect(contexts()).toBe(1);
    } finally {
      destroyed.mockRestore();
      posted.mockRestore();
    }
  });
});
