import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

import {
  DeadlineExceededError,
  MongoClient,
  NotReadyError,
  type OffloadMongoClientOptions,
} from '@mongo-offload/core';
import * as native from 'mongodb';

// A deployment that is not there as the program starts. (Of a wrong password: see tls-auth.test.ts.)

const SELECTION_MS = 400;
const DEADLINE_MS = 200;
/** What a busy machine may add. */
const SLACK_MS = 4_000;

const sockets = new Set<Socket>();
let silent: Server;

beforeAll(async () => {
  silent = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.resume();
  });
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => silent.close(resolve));
});

const unreachable: Record<string, () => string> = {
  'the name cannot be resolved': () => 'mongodb://nowhere.invalid/',
  'the name of a seed list cannot be resolved': () => 'mongodb+srv://nowhere.invalid/',
  'the port refuses': () => 'mongodb://127.0.0.1:1/',
  'the server accepts and never answers': () =>
    `mongodb://127.0.0.1:${(silent.address() as AddressInfo).port}/`,
};

const operations: Record<string, (client: native.MongoClient) => Promise<unknown>> = {
  connect: (client) => client.connect(),
  findOne: (client) => things(client).findOne(),
  find: (client) => things(client).find().toArray(),
  insertOne: (client) => things(client).insertOne({}),
  insertMany: (client) => things(client).insertMany([{}, {}]),
  bulkWrite: (client) => things(client).bulkWrite([{ insertOne: { document: {} } }]),
  command: (client) => client.db('a').command({ ping: 1 }),
  'a change stream': (client) => things(client).watch().next(),
  withTransaction: (client) =>
    client.withSession((session) =>
      session.withTransaction(() => things(client).insertOne({}, { session })),
    ),
};

function things(client: native.MongoClient): native.Collection {
  return client.db('a').collection('b');
}

/** What the call rejects with, after how many milliseconds, and how often a timer of 5 ms came to its turn. */
async function rejection(
  call: () => Promise<unknown>,
): Promise<{ error: Error; ms: number; turns: number }> {
  let turns = 0;
  const timer = setInterval(() => turns++, 5);
  const began = performance.now();
  const error = await call().then(
    () => new Error('it was not rejected'),
    (thrown: unknown) => thrown as Error,
  );
  const ms = performance.now() - began;
  clearInterval(timer);
  return { error, ms, turns };
}

const described = (error: Error): unknown => ({
  class: error.constructor.name,
  name: error.name,
  code: (error as native.MongoServerError).code,
  isMongo: error instanceof native.MongoError,
});

describe.each(Object.entries(unreachable))('%s', (_, url) => {
  const open = (options?: OffloadMongoClientOptions): MongoClient =>
    new MongoClient(url(), { offload: { workers: 1 }, ...options });

  test('each operation rejects in time with the driver’s class', async () => {
    await Promise.all(
      Object.entries(operations).map(async ([name, operation]) => {
        const limit = { serverSelectionTimeoutMS: SELECTION_MS };
        await using ours = open(limit);
        await using theirs = new native.MongoClient(url(), limit);
        const [is, should] = await Promise.all([
          rejection(() => operation(ours)),
          rejection(() => operation(theirs)),
        ]);
        expect([name, described(is.error)]).toStrictEqual([name, described(should.error)]);
        // The driver's own call runs at the same time: it shows how slow the machine is.
        expect(is.ms).toBeLessThan(Math.max(SELECTION_MS, should.ms) + SLACK_MS);
      }),
    );
  });

  test('deadlineMS ends each operation before the selection of a server does', async () => {
    await using client = open({ offload: { workers: 1, deadlineMS: DEADLINE_MS } });
    const { connect: _connect, 'a change stream': _stream, ...limited } = operations;
    await Promise.all(
      Object.values(limited).map(async (operation) => {
        const { error, ms } = await rejection(() => operation(client));
        // A name that the system does not know, it says at once.
        if ((error as native.MongoServerError).code === 'ENOTFOUND') return;
        expect(error).toBeInstanceOf(DeadlineExceededError);
        expect(ms).toBeLessThan(DEADLINE_MS + SLACK_MS);
      }),
    );
  });

  test('waitUntilReady gives up at its own limit, and says of what; the loop never waits', async () => {
    await using client = open();
    const { error, ms, turns } = await rejection(() => client.waitUntilReady({ timeoutMS: 700 }));
    expect(error).toBeInstanceOf(NotReadyError);
    expect(error.cause).toBeInstanceOf(Error);
    expect((error as NotReadyError).attempts).toBeGreaterThanOrEqual(1);
    expect(ms).toBeGreaterThanOrEqual(690);
    expect(ms).toBeLessThan(700 + SLACK_MS);
    expect(turns).toBeGreaterThan(20);
  });

  test('waitUntilReady can be given up between two tries, and by closing the client', async () => {
    await using client = open({ serverSelectionTimeoutMS: SELECTION_MS });
    const controller = new AbortController();
    const reason = new Error('given up');
    const given = client.waitUntilReady({
      timeoutMS: SELECTION_MS,
      signal: controller.signal,
      onRetry: () => controller.abort(reason),
    });
    const { error } = await rejection(() => given);
    // One that lasted for all the time was the only try.
    if (controller.signal.aborted) expect(error).toBe(reason);
    else expect(error).toBeInstanceOf(NotReadyError);
    const waiting = rejection(() => client.waitUntilReady());
    await client.close();
    expect((await waiting).error).toBeInstanceOf(native.MongoClientClosedError);
  });
});
