/** `commandFailed` of an aborted operation gives the reason and comes before the rejection. */
import type { CommandFailedEvent, CommandStartedEvent, Document } from 'mongodb';
import { MongoClient, type Collection, type Db, type LimitOptions } from '@mongo-offload/core';

import { uri } from '../../support/clients';
import { failCommand } from '../../support/fail-point';

const appName = 'failed events';

type Call = (things: Collection, db: Db, limits: LimitOptions) => Promise<unknown>;

const CALLS: Record<string, Call> = {
  find: (things, _db, limits) => things.find({}, limits).toArray(),
  'find of one': (things, _db, limits) => things.findOne({}, limits),
  getMore: (things, _db, limits) => things.find({}, { ...limits, batchSize: 5 }).toArray(),
  insert: (things, _db, limits) => things.insertOne({}, limits),
  update: (things, _db, limits) => things.updateOne({}, { $set: { b: 1 } }, limits),
  distinct: (things, _db, limits) => things.distinct('a', {}, limits),
  findAndModify: (things, _db, limits) => things.findOneAndDelete({ none: 1 }, limits),
  ping: (_things, db, limits) => db.command({ ping: 1 }, limits),
  explain: (things, _db, limits) => things.find({}, limits).explain(),
};

const REASONS: Record<string, unknown> = {
  'an error of the program': new Error('enough'),
  'a text': 'enough',
  null: null,
};

let client: MongoClient;
let db: Db;
let things: Collection;
beforeAll(async () => {
  client = new MongoClient(uri(), { appName, monitorCommands: true, offload: { workers: 1 } });
  db = client.db('failed_events');
  things = db.collection('things');
  await things.deleteMany({});
  await things.insertMany(Array.from({ length: 20 }, (_, a) => ({ a })));
});
afterAll(async () => {
  await db.dropDatabase();
  await client.close();
});

/** Makes the server hold back these clients' next command of this name. */
async function block(command: string): Promise<void> {
  const data = { failCommands: [command], blockConnection: true, blockTimeMS: 600 };
  await failCommand(client, appName, { times: 1 }, data);
}

/** Returns, in order, what happened to a call whose command the server holds back. */
async function happened(
  what: string,
  limits: LimitOptions,
  onStart: () => void,
): Promise<{ order: string[]; failure: unknown; rejection: unknown }> {
  const [command] = what.split(' ');
  const order: string[] = [];
  let failure: unknown;
  const started = ({ commandName }: CommandStartedEvent): void => {
    if (commandName === command) onStart();
  };
  const failed = (event: CommandFailedEvent): void => {
    if (event.commandName !== command) return;
    order.push('commandFailed');
    ({ failure } = event);
  };
  await block(command);
  client.on('commandStarted', started).on('commandFailed', failed);
  try {
    const rejection: unknown = await CALLS[what](things, db, limits).then(
      () => undefined,
      (error: unknown) => error,
    );
    order.push('rejected');
    return { order, failure, rejection };
  } finally {
    client.off('commandStarted', started).off('commandFailed', failed);
  }
}

describe('commandFailed comes before the rejection, with the same error', () => {
  test.each(Object.keys(CALLS))('of %s that is aborted', async (what) => {
    const controller = new AbortController();
    const { signal } = controller;
    const seen = await happened(what, { signal }, () => controller.abort());
    expect(seen.order).toEqual(['commandFailed', 'rejected']);
    expect(seen.failure).toBe(signal.reason);
    expect(seen.rejection).toBe(signal.reason);
    expect((seen.failure as Error).name).toBe('AbortError');
  });

  test.each(Object.entries(REASONS))('with the reason %s', async (_name, reason) => {
    const controller = new AbortController();
    const { signal } = controller;
    const seen = await happened('find', { signal }, () => controller.abort(reason));
    expect(seen.order).toEqual(['commandFailed', 'rejected']);
    expect(seen.failure).toBe(signal.reason);
    expect(seen.rejection).toBe(signal.reason);
  });

  test.each(['find', 'getMore', 'update', 'explain'])(
    'of %s that passes its deadline',
    async (what) => {
      const seen = await happened(what, { deadlineMS: 300 }, () => undefined);
      expect(seen.order).toEqual(['commandFailed', 'rejected']);
      expect(seen.failure).toMatchObject({ name: 'DeadlineExceededError' });
      expect(seen.rejection).toBe(seen.failure);
    },
  );
});

test('the log says why an operation was aborted', async () => {
  const lines: Document[] = [];
  const logging = new MongoClient(uri(), {
    appName,
    mongodbLogComponentSeverities: { command: 'debug' },
    mongodbLogPath: { write: (line) => void lines.push(line) },
    offload: { workers: 1 },
  });
  const of = logging.db('failed_events').collection('things');
  await of.findOne({});
  await block('find');
  const controller = new AbortController();
  const aborted = of.findOne({}, { signal: controller.signal });
  await new Promise<void>((go) => {
    const isStarted = (): boolean =>
      lines.filter(
        ({ message, commandName }) => message === 'Command started' && commandName === 'find',
      ).length > 1;
    const look = (): void => {
      if (isStarted()) go();
      else setTimeout(look, 5);
    };
    look();
  });
  controller.abort(new Error('enough'));
  await expect(aborted).rejects.toThrow('enough');
  expect(lines.find(({ message }) => message === 'Command failed')).toMatchObject({
    failure: 'enough',
  });
  await logging.close();
});
