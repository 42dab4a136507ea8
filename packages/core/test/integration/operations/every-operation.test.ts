import { EventEmitter } from 'node:events';

import * as core from '@mongo-offload/core';
import { DeadlineExceededError, MongoClient } from '@mongo-offload/core';
import * as native from 'mongodb';

import { tableUnder } from '../../support/declarations';
import {
  LIMITED,
  UNLIMITED,
  type LimitedOperation,
  type Place,
} from '../../support/every-operation';
import { failCommand } from '../../support/fail-point';
import { ownServer, type OwnServer } from '../../support/own-server';
import { slowly, underWay } from '../../support/slow';
import { until } from '../../support/until';
import { WireServer } from '../../support/wire-server';

/*
 * Every method of every class that talks to a server, walked by a machine: each takes `signal` and
 * `deadlineMS`, and does with them what they promise, or is in a list that says why it does not.
 */

const APP = 'every-operation';
/** How long the server does not answer. */
const BLOCKED_MS = 1_500;
/** What comes within this did not wait for the server. */
const AT_ONCE_MS = 700;

let server: OwnServer;
let admin: native.MongoClient;
let place: Place;
/** One whose server knows every command, and answers none that it is not to. */
let silent: { server: WireServer; place: Place; unanswered?: string };
/** Connections that operations hold. */
let held = 0;
const sent: string[] = [];

beforeAll(async () => {
  server = await ownServer();
  admin = new native.MongoClient(server.uri);
  place = placeAt(server.uri);
  const wire = await WireServer.start((command) => {
    const [name] = Object.keys(command);
    if (name === silent.unanswered) return undefined;
    return 'hello' in command || 'ismaster' in command ? { maxWireVersion: 25 } : {};
  });
  silent = { server: wire, place: placeAt(wire.url) };
  await admin
    .db('every')
    .collection('things')
    .insertMany([{ a: 1 }, { a: 2 }]);
  await admin
    .db('every')
    .collection('other')
    .insertOne({ _id: 1 as never });
  await Promise.all([place.client.connect(), silent.place.client.connect()]);
});

function placeAt(url: string): Place {
  const options = { appName: APP, maxPoolSize: 3, monitorCommands: true, offload: { workers: 1 } };
  const client = new MongoClient(url, options);
  client.on('connectionCheckedOut', () => (held += 1));
  client.on('connectionCheckedIn', () => (held -= 1));
  client.on('commandStarted', ({ commandName }) => sent.push(commandName));
  const db = client.db('every');
  const bucket = new core.GridFSBucket(db);
  return { client, db, things: db.collection('things'), bucket };
}

afterAll(async () => {
  await Promise.all([place.client.close(), silent.place.client.close()]);
  await silent.server.close();
  await admin.close();
  await server.stop();
});

/** Methods of a class and of what it inherits that are neither private nor any event emitter's. */
function methodsOf(of: { prototype: object }): string[] {
  const found = new Set<string>();
  for (
    let at = of.prototype;
    at !== EventEmitter.prototype && at !== Object.prototype;
    at = Object.getPrototypeOf(at) as object
  ) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (typeof value !== 'function' || name === 'constructor' || name.startsWith('_')) continue;
      if (name in EventEmitter.prototype || name.startsWith('emitAndLog')) continue;
      found.add(name);
    }
  }
  return [...found];
}

const CLASSES = [
  'MongoClient',
  'Db',
  'Collection',
  'Admin',
  'FindCursor',
  'AggregationCursor',
  'ListCollectionsCursor',
  'ListIndexesCursor',
  'ChangeStream',
  'ClientSession',
  'OrderedBulkOperation',
  'UnorderedBulkOperation',
  'GridFSBucket',
] as const;

/** Those that are not exported, by what makes one. */
function unexported(): Record<string, { prototype: object }> {
  const { db, things } = place;
  return {
    ListSearchIndexesCursor: { prototype: Object.getPrototypeOf(things.listSearchIndexes()) },
    RunCommandCursor: { prototype: Object.getPrototypeOf(db.runCursorCommand({ ping: 1 })) },
  };
}

const matches = (pattern: string, method: string): boolean =>
  pattern.startsWith('*') ? method.endsWith(pattern.slice(1)) : method === pattern;

test('each method takes limits, or is in the list of those that do not', () => {
  const classes = {
    ...Object.fromEntries(CLASSES.map((name) => [name, core[name] as { prototype: object }])),
    ...unexported(),
  };
  const all = Object.entries(classes).flatMap(([name, of]) =>
    methodsOf(of).map((method) => `${name}.${method}`),
  );
  expect(all.length).toBeGreaterThan(250);
  const unlimited = UNLIMITED.flatMap(({ methods }) => methods);
  const known = (method: string): boolean =>
    method in LIMITED ||
    method === 'MongoClient.connect' ||
    unlimited.some((pattern) => matches(pattern, method));
  expect(all.filter((method) => !known(method))).toStrictEqual([]);
  expect(Object.keys(LIMITED).filter((method) => !all.includes(method))).toStrictEqual([]);
  expect(
    unlimited.filter((pattern) => !all.some((method) => matches(pattern, method))),
  ).toStrictEqual([]);
});

test('the list of those that a server hears of is in the documentation', () => {
  const rows = tableUnder('Methods without limits');
  const listed = UNLIMITED.filter(({ listed }) => listed === true);
  expect(rows.map(({ names }) => names)).toStrictEqual(listed.map(({ methods }) => methods));
});

/** Keeps the server from answering the next command of this name, until `work` is done. */
async function unanswered(
  { sends: command, unknown }: LimitedOperation,
  work: (on: Place, asked: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const before = sent.length;
  const asked = async (): Promise<void> => {
    await until(() => sent.slice(before).includes(command));
  };
  if (unknown === true) {
    silent.unanswered = command;
    await work(silent.place, asked);
    silent.unanswered = undefined;
    return;
  }
  const fault = {
    // The driver's word for it is in lower case.
    failCommands: [command === 'buildinfo' ? 'buildInfo' : command],
    blockConnection: true,
    blockTimeMS: BLOCKED_MS,
  };
  const off = await failCommand(admin, APP, { times: 1 }, fault);
  try {
    await work(place, asked);
  } finally {
    // What is kept waiting is kept from switching the fail point off.
    const switchedOff = off();
    await endOperations();
    await switchedOff;
  }
}

async function endOperations(): Promise<void> {
  const running = admin
    .db('admin')
    .aggregate<{ opid: number }>([
      { $currentOp: { allUsers: true } },
      { $match: { appName: APP, active: true, 'command.hello': { $exists: false } } },
    ]);
  for await (const { opid } of running) await admin.db('admin').command({ killOp: 1, op: opid });
}

/** Nothing is held any more, and the client goes on. */
async function freed(on: Place, { holds }: LimitedOperation): Promise<void> {
  const started = performance.now();
  await until(() => held === 0);
  if (holds !== true) expect(performance.now() - started).toBeLessThan(AT_ONCE_MS);
  await on.db.command({ hello: 1 });
}

describe.each(Object.keys(LIMITED))('%s', (method) => {
  const operation = LIMITED[method];
  const { sends, call } = operation;

  test('is given up by a signal, before it is sent and while it runs; another operation is not', async () => {
    const reason = new Error(`${method} is no longer wanted`);
    const before = sent.length;
    await expect(call(place, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await place.db.command({ hello: 1 });
    await until(() => sent.slice(before).includes('hello'));
    if (operation.sendsAnyway !== true) expect(sent.slice(before)).not.toContain(sends);

    await unanswered(operation, async (on, asked) => {
      const controller = new AbortController();
      const running = call(on, { signal: controller.signal });
      running.catch(() => undefined);
      await asked();
      const comment = `beside ${method}`;
      const filter = slowly(150) as native.Filter<native.Document>;
      const other = place.db.collection('other').findOne(filter, { comment });
      await underWay(admin, comment);
      const started = performance.now();
      controller.abort(reason);
      await expect(running).rejects.toBe(reason);
      expect(performance.now() - started).toBeLessThan(AT_ONCE_MS / 2);
      expect(await other).toStrictEqual({ _id: 1 });
      await freed(on, operation);
    });
  });

  test('settles within its deadline', async () => {
    await unanswered(operation, async (on, asked) => {
      const started = performance.now();
      const running = call(on, { deadlineMS: 150 });
      running.catch(() => undefined);
      await asked();
      await expect(running).rejects.toBeInstanceOf(DeadlineExceededError);
      expect(performance.now() - started).toBeLessThan(AT_ONCE_MS);
      await freed(on, operation);
    });
  });
});

describe('MongoClient.connect', () => {
  test('is given up by a signal and settles within its deadline', async () => {
    const client = new MongoClient('mongodb://127.0.0.1:1/');
    const reason = new Error('connected late enough');
    await expect(client.connect({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const connecting = client.connect({ signal: controller.signal });
    setImmediate(() => controller.abort(reason));
    await expect(connecting).rejects.toBe(reason);
    await expect(client.connect({ deadlineMS: 50 })).rejects.toBeInstanceOf(DeadlineExceededError);
    await client.close();
  });
});
