import {
  DeadlineExceededError,
  GridFSBucket,
  MongoClient,
  OffloadOptionError,
  type LimitOptions,
} from '@mongo-offload/core';
import * as native from 'mongodb';

import { openClients, uri, type Clients } from '../../support/clients';
import { LIMITED, type Place } from '../../support/every-operation';
import { slowly } from '../../support/slow';
import { until } from '../../support/until';
import { watchWarnings } from '../../support/warnings';

/*
 * Options of ours among those of an operation, on a client in workers and on one that runs on the main
 * thread: a wrong one is refused at once, and none of them reaches the server.
 */

watchWarnings();

let clients: Clients;
let places: Record<'in workers' | 'on the main thread', Place>;
let commands: native.CommandStartedEvent[] = [];

function placeOf(client: MongoClient, dbName: string): Place {
  client.on('commandStarted', (event) => commands.push(event));
  const db = client.db(dbName);
  return { client, db, things: db.collection('things'), bucket: new GridFSBucket(db) };
}

beforeAll(async () => {
  clients = openClients({ monitorCommands: true });
  await clients.native.db.collection('things').insertMany([{ a: 1 }, { a: 2 }]);
  const lookup = (await import('node:dns')).lookup as never;
  const onMain = new MongoClient(uri(), { monitorCommands: true, lookup });
  places = {
    'in workers': placeOf(clients.ours.client, clients.dbName),
    'on the main thread': placeOf(onMain, clients.dbName),
  };
});
afterAll(async () => {
  await places['on the main thread'].client.close();
  await clients.close();
});
beforeEach(() => {
  commands = [];
});

const WRONG: [object, new (...args: never[]) => Error][] = [
  [{ offload: { flatStrnigs: true } }, OffloadOptionError],
  [{ offload: { flatStrings: 'yes' } }, OffloadOptionError],
  [{ deadlineMS: -1 }, native.MongoInvalidArgumentError],
  [{ signal: 'stop' }, TypeError],
];

async function outcomeOf(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    return error;
  }
}

/** Whether a command has one of our options, wherever in it. */
const hasOurs = (command: unknown): boolean =>
  /"(?:signal|deadlineMS|offload)":/.test(native.BSON.EJSON.stringify(command));

describe.each(['in workers', 'on the main thread'] as const)('a client %s', (where) => {
  test.each(Object.keys(LIMITED))('%s', async (method) => {
    if (where === 'on the main thread') globalThis.mainConnections.allow('it is where it runs');
    const { sends, call } = LIMITED[method];
    const place = places[where];
    for (const [options, errorClass] of WRONG) {
      const error = await outcomeOf(async () => await call(place, options));
      expect([options, (error as Error).name]).toStrictEqual([options, errorClass.name]);
    }
    const reason = new Error('too late');
    const aborted = { signal: AbortSignal.abort(reason) };
    expect(await outcomeOf(async () => await call(place, aborted))).toBe(reason);
    commands = [];

    const controller = new AbortController();
    const options = {
      signal: controller.signal,
      deadlineMS: 20_000,
      offload: { flatStrings: true },
    };
    const settled = outcomeOf(async () => await call(place, options));
    await until(() => commands.some(({ commandName }) => commandName === sends));
    // What waits for data would not end by itself.
    controller.abort(reason);
    await settled;
    expect(commands.filter(hasOurs)).toStrictEqual([]);
  });
});

test('a client on the main thread gives up what runs, and holds its deadlines', async () => {
  globalThis.mainConnections.allow('it is where it runs');
  const { things, client } = places['on the main thread'];
  const count = await things.countDocuments();
  const filter = slowly(400) as native.Filter<native.Document>;
  const reason = new Error('no longer wanted');
  for (const operation of [
    (limits: LimitOptions) => things.findOne(filter, limits),
    (limits: LimitOptions) => things.find(filter, limits).toArray(),
    (limits: LimitOptions) => things.find(filter, limits).explain('executionStats'),
    (limits: LimitOptions) => things.updateMany(filter, { $set: { b: 1 } }, limits),
    (limits: LimitOptions) => client.transaction(() => things.deleteMany(filter), limits),
  ]) {
    commands = [];
    const controller = new AbortController();
    const given = operation({ signal: controller.signal });
    given.catch(() => undefined);
    await until(() => commands.length > 0);
    const started = performance.now();
    controller.abort(reason);
    await expect(given).rejects.toBe(reason);
    await expect(operation({ deadlineMS: 60 })).rejects.toBeInstanceOf(DeadlineExceededError);
    expect(performance.now() - started).toBeLessThan(350);
  }
  expect(await things.countDocuments()).toBe(count);
});
