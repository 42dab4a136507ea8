import { inspect } from 'node:util';

import * as core from '@mongo-offload/core';
import type * as native from 'mongodb';

import { LIMITED, type LimitedOperation, type Place } from '../../support/every-operation';
import { failCommand } from '../../support/fail-point';
import { ownServer, type OwnServer } from '../../support/own-server';
import { slowly } from '../../support/slow';

/*
 * An error's stack shows the function that called the operation, with the default limit of ten frames. Here every
 * operation fails at the server, outside of a transaction and inside one.
 */

const APP = 'caller-stacks';

let server: OwnServer;
let admin: native.MongoClient;

beforeAll(async () => {
  server = await ownServer();
  ({ admin } = server);
  await admin
    .db('stacks')
    .collection('things')
    .insertMany([{ a: 1 }, { a: 2 }]);
  await admin.db('stacks').createCollection('fs.chunks');
  await admin.db('stacks').createCollection('fs.files');
});
afterAll(async () => await server.stop());

function placeOf({ MongoClient, GridFSBucket }: typeof core): Place {
  const client = new MongoClient(server.uri, {
    appName: APP,
    retryReads: false,
    retryWrites: false,
  });
  const db = client.db('stacks');
  return { client, db, things: db.collection('things'), bucket: new GridFSBucket(db) };
}

/** How an operation is called. */
type Manner = (place: Place, call: (options: object) => Promise<void>) => Promise<unknown>;

const MANNERS: Record<string, Manner> = {
  'outside of a transaction': (_, call) => call({}),
  'within limits': (_, call) => call({ deadlineMS: 10_000, signal: new AbortController().signal }),
  'first in a transaction': ({ client }, call) =>
    client.withSession((session) => session.withTransaction(() => call({ session }))),
  'later in a transaction': ({ client, things }, call) =>
    client.withSession((session) =>
      session.withTransaction(async () => {
        await things.findOne({}, { session });
        await call({ session });
      }),
    ),
};

/** The stack of each operation's error, by its name; nothing for one that does not fail. */
async function stacks(place: Place, manner: Manner): Promise<Record<string, string>> {
  const seen: Record<string, string> = {};
  for (const [name, operation] of Object.entries(LIMITED)) {
    try {
      await manner(place, (options) => callerOfTheOperation(place, operation, options));
    } catch (error) {
      seen[name] = String((error as Error).stack);
    } finally {
      await armed?.();
      armed = undefined;
    }
  }
  return seen;
}

let armed: (() => Promise<void>) | undefined;

async function callerOfTheOperation(
  place: Place,
  { sends, call }: LimitedOperation,
  options: object,
): Promise<void> {
  armed ??= await failCommand(admin, APP, 'alwaysOn', { failCommands: [sends], errorCode: 96 });
  await call(place, options);
}

const shows = (stack: string): boolean => stack.includes('callerOfTheOperation');

const LIMIT = Error.stackTraceLimit;
// Jest's is 100.
beforeEach(() => (Error.stackTraceLimit = 10));
afterEach(() => (Error.stackTraceLimit = LIMIT));

/** Operations whose error comes by an event or a callback, which no function of the application awaits. */
const BY_EVENT = /\.(stream|each|open(Upload|Download)Stream\w*)$/;
/** The driver never rejects here: the server aborts a transaction that no client continues. */
const NEVER_FAILS = ['ClientSession.abortTransaction'];

test.each(Object.entries(MANNERS))(
  'the stack of every operation’s error shows its caller, %s',
  async (_, manner) => {
    const { client, ...place } = placeOf(core);
    const seen = await stacks({ client, ...place }, manner);
    await client.close();
    const failed = Object.keys(LIMITED).filter((name) => !NEVER_FAILS.includes(name));
    expect(Object.keys(seen)).toStrictEqual(failed);
    expect(failed.filter((name) => !BY_EVENT.test(name) && !shows(seen[name]))).toStrictEqual([]);
    for (const stack of Object.values(seen)) expect(stack.split('\n').length).toBeLessThan(14);
  },
  60_000,
);

type Reader = (cursor: core.FindCursor) => Promise<unknown>;
const READERS: Record<string, Reader> = {
  toArray: (cursor) => cursor.toArray(),
  toList: (cursor) => cursor.toList(),
  forEach: (cursor) => cursor.forEach(() => undefined),
  async next(cursor) {
    while ((await cursor.next()) !== null);
  },
  async hasNext(cursor) {
    while (await cursor.hasNext()) await cursor.next();
  },
  async iteration(cursor) {
    for await (const document of cursor) expect(document).toBeDefined();
  },
  async batches(cursor) {
    for await (const batch of cursor.batches()) expect(batch).toBeDefined();
  },
};

test.each(Object.keys(MANNERS))('a failed getMore shows who reads, %s', async (manner) => {
  const place = placeOf(core);
  const disarm = await failCommand(admin, APP, 'alwaysOn', {
    failCommands: ['getMore'],
    errorCode: 96,
  });
  try {
    for (const [name, read] of Object.entries(READERS)) {
      async function callerOfTheOperation(options: object): Promise<void> {
        await read(place.things.find({}, { ...options, batchSize: 1 }));
      }
      const error = await MANNERS[manner](place, callerOfTheOperation).catch(
        (thrown: unknown) => thrown as Error,
      );
      expect([name, shows(String((error as Error).stack))]).toStrictEqual([name, true]);
    }
  } finally {
    await disarm();
    await place.client.close();
  }
});

test.each(Object.keys(MANNERS))('a deadline shows whose call it ended, %s', async (manner) => {
  const place = placeOf(core);
  async function callerOfTheOperation(options: object): Promise<void> {
    await place.things.findOne(slowly(5_000), { ...options, deadlineMS: 50 });
  }
  const error = await MANNERS[manner](place, callerOfTheOperation).catch(
    (thrown: unknown) => thrown,
  );
  await place.client.close();
  expect(error).toBeInstanceOf(core.DeadlineExceededError);
  const { name, message, stack } = error as Error;
  expect(stack).toMatch(/callerOfTheOperation/);
  expect(stack?.startsWith(`${name}: ${message}\n    at `)).toBe(true);
});

test('the stack of an error is a property like any other error’s', async () => {
  const place = placeOf(core);
  await place.things.insertOne({ _id: 'twice' as never });
  const fail = async (): Promise<Error> =>
    await place.things.insertOne({ _id: 'twice' as never }).then(
      () => new Error('it was not rejected'),
      (thrown: unknown) => thrown as Error,
    );
  const [read, set, frozen] = [await fail(), await fail(), await fail()];
  await place.client.close();
  expect(Object.keys(read)).not.toContain('stack');
  expect(read.stack).toBe(read.stack);
  expect(read.stack?.startsWith('MongoServerError: E11000')).toBe(true);
  set.stack = 'another';
  expect(set.stack).toBe('another');
  expect(Object.freeze(frozen).stack).toBe(frozen.stack);
  expect(structuredClone(await Promise.resolve(read)).stack).toBe(read.stack);
  expect(inspect(read)).toContain(read.stack);
});

test('the application’s own stackTraceLimit holds', async () => {
  const place = placeOf(core);
  const lines: number[] = [];
  for (const limit of [0, 1, 2]) {
    Error.stackTraceLimit = limit;
    const error = await place.db.command({ noSuchCommand: 1 }).catch((thrown: unknown) => thrown);
    lines.push(String((error as Error).stack).split('\n').length - 1);
    expect(Error.stackTraceLimit).toBe(limit);
  }
  await place.client.close();
  expect(lines).toStrictEqual([0, 1, 2]);
});
