import type { Collection } from '@mongo-offload/core';
import * as native from 'mongodb';

import { openClients, type Clients } from '../../support/clients';

interface Thing extends native.Document {
  _id: number;
}

let clients: Clients;
let ours: Collection<Thing>;
let theirs: native.Collection<Thing>;

beforeAll(() => {
  clients = openClients();
  ours = clients.ours.db.collection('errors');
  theirs = clients.native.db.collection('errors');
});
afterAll(async () => await clients.close());
beforeEach(async () => {
  await theirs.deleteMany({});
});

async function thrownBy(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('the operation did not fail');
}

/** What a program can see of an error, but for its stack. */
function visible(error: unknown): unknown {
  if (!(error instanceof native.MongoError)) return error;
  return {
    class: error.constructor,
    name: error.name,
    message: error.message,
    labels: error.errorLabels,
    own: Object.fromEntries(
      Object.entries(error).filter(([key]) => !['errorLabelSet', 'topologyVersion'].includes(key)),
    ),
    cause: error.cause && visible(error.cause),
  };
}

type Attempt = (collection: native.Collection<Thing>) => Promise<unknown>;

const attempts: Record<string, Attempt> = {
  'a duplicate key': async (c) => {
    await c.insertOne({ _id: 1 });
    await c.insertOne({ _id: 1 });
  },
  'an unknown operator': async (c) => await c.findOne({ $nonsense: 1 } as native.Filter<Thing>),
  'an unknown stage': async (c) => await c.aggregate([{ $nonsense: 1 }]).toArray(),
  'an unknown command': async (c) => await c.db.command({ nonsense: 1 }),
  'an update without operators': async (c) => await c.updateOne({}, { a: 1 }),
  'an empty update': async (c) => await c.updateMany({}, {}),
  'an update that is undefined': async (c) =>
    await c.updateOne({}, undefined as unknown as native.UpdateFilter<Thing>),
  'a replacement with operators': async (c) => await c.replaceOne({}, { $set: { a: 1 } }),
  'a filter that is a function': async (c) =>
    await c.findOne((() => true) as unknown as native.Filter<Thing>),
  'a filter that is a string': async (c) =>
    await c.find('x' as unknown as native.Filter<Thing>).toArray(),
  'documents that are no array': async (c) => await c.insertMany({} as unknown as Thing[]),
  'no documents': async (c) => await c.insertMany([]),
  'inserting null': async (c) => await c.insertOne(null as unknown as Thing),
  'operations that are no array': async (c) => await c.bulkWrite({} as unknown as []),
  'an unknown operation in a bulk': async (c) => await c.bulkWrite([{ nonsense: {} } as never]),
  'no operations in a bulk': async (c) => await c.bulkWrite([]),
  'a key with a null byte': async (c) => await c.insertOne({ _id: 1, 'a\0b': 1 }),
  'a document that contains itself': async (c) => {
    const self: Thing = { _id: 1 };
    self.self = self;
    await c.insertOne(self);
  },
  'a document over 16 MB': async (c) =>
    await c.insertOne({ _id: 1, text: 'x'.repeat(16 * 1024 * 1024) }),
  'many documents, one over 16 MB': async (c) =>
    await c.insertMany([{ _id: 1 }, { _id: 2, text: 'x'.repeat(16 * 1024 * 1024) }]),
  'dropping an index that is not there': async (c) => await c.dropIndex('none'),
  'renaming what is not there': async (c) => await c.db.renameCollection('none_at_all', 'b'),
  'an invalid collection name': async (c) => await c.db.collection('a').rename('..b'),
  'a bad write concern': async (c) =>
    await c.insertOne({ _id: 1 }, { writeConcern: { w: 'nonsense' as unknown as native.W } }),
  'contradictory decoding options': async (c) => {
    await c.insertOne({ _id: 1 });
    await c.findOne({}, { useBigInt64: true, promoteLongs: false });
  },
};

describe('an error arrives as the driver’s own', () => {
  test.each(Object.keys(attempts))('%s', async (what) => {
    const attempt = attempts[what];
    await theirs.insertOne({ _id: 0 });
    const expected = await thrownBy(attempt(theirs));
    await theirs.deleteMany({});
    await theirs.insertOne({ _id: 0 });
    const error = await thrownBy(attempt(ours));
    expect(withoutTimes(visible(error))).toEqual(withoutTimes(visible(expected)));
    expect(await ours.findOne({ _id: 0 })).toStrictEqual({ _id: 0 });
  });
});

test('a time limit of the server’s', async () => {
  await theirs.insertOne({ _id: 1 });
  const slow = {
    $expr: {
      $function: { body: 'function () { sleep(200); return true; }', args: [], lang: 'js' },
    },
  };
  const error = await thrownBy(ours.findOne(slow as native.Filter<Thing>, { maxTimeMS: 10 }));
  expect(error).toBeInstanceOf(native.MongoServerError);
  // The server says either, as its clock or its JavaScript engine notices first.
  expect([50, 11601]).toContain((error as native.MongoServerError).code);
});

/** Cluster times differ from one reply to the next. */
function withoutTimes(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, item: unknown) =>
      ['$clusterTime', 'operationTime', 'electionId', 'opTime', 'lastOp'].includes(key)
        ? undefined
        : typeof item === 'function'
          ? item.name
          : item,
    ) ?? 'null',
  );
}

describe('the error of a bulk write', () => {
  test.each([true, false])(
    'has the result so far and the caller’s documents (ordered %s)',
    async (ordered) => {
      const make = (): Thing[] => [{ _id: 1 }, { _id: 2 }, { _id: 1, again: true }, { _id: 3 }];
      const expected = (await thrownBy(
        theirs.insertMany(make(), { ordered }),
      )) as native.MongoBulkWriteError;
      await theirs.deleteMany({});
      const documents = make();
      const error = (await thrownBy(
        ours.insertMany(documents, { ordered }),
      )) as native.MongoBulkWriteError;
      expect(error).toBeInstanceOf(native.MongoBulkWriteError);
      expect([error.code, error.message, error.insertedCount]).toStrictEqual([
        expected.code,
        expected.message,
        expected.insertedCount,
      ]);
      expect(error.insertedIds).toStrictEqual(expected.insertedIds);
      expect(error.result.insertedIds).toStrictEqual(expected.result.insertedIds);
      const [writeError] = error.writeErrors as native.WriteError[];
      const [theirWriteError] = expected.writeErrors as native.WriteError[];
      expect(writeError.constructor).toBe(theirWriteError.constructor);
      expect([writeError.index, writeError.code]).toStrictEqual([
        theirWriteError.index,
        theirWriteError.code,
      ]);
      expect(writeError.getOperation()).toBe(documents[2]);
      expect(error.result.getWriteErrorCount()).toBe(1);
      expect(await theirs.countDocuments()).toBe(ordered ? 2 : 3);
    },
  );

  test('of mixed operations names the one that failed', async () => {
    const operations: native.AnyBulkWriteOperation<Thing>[] = [
      { insertOne: { document: { _id: 1 } } },
      { updateOne: { filter: { _id: 1 }, update: { $set: { a: 1 } } } },
      { updateOne: { filter: { _id: 1 }, update: { $nonsense: 1 } } },
    ];
    const expected = (await thrownBy(theirs.bulkWrite(operations))) as native.MongoBulkWriteError;
    await theirs.deleteMany({});
    const error = (await thrownBy(ours.bulkWrite(operations))) as native.MongoBulkWriteError;
    expect(withoutTimes(error.writeErrors)).toEqual(withoutTimes(expected.writeErrors));
    expect(error.result.insertedCount).toBe(expected.result.insertedCount);
    expect(error.result.modifiedCount).toBe(expected.result.modifiedCount);
  });
});

describe('the stack', () => {
  test('shows the caller’s line', async () => {
    async function insertTwice(): Promise<void> {
      await ours.insertOne({ _id: 1 });
      await ours.insertOne({ _id: 1 });
    }
    async function readBadly(): Promise<void> {
      await ours.find({ $bad: 1 } as native.Filter<Thing>).toArray();
    }
    expect((await thrownBy(insertTwice())).stack).toMatch(/insertTwice .*errors\.test\.ts/);
    expect((await thrownBy(readBadly())).stack).toMatch(/readBadly .*errors\.test\.ts/);
  });

  test('begins with the class’s name and the message', async () => {
    const error = await thrownBy(ours.findOne({ $bad: 1 } as native.Filter<Thing>));
    expect(error.stack).toMatch(/^MongoServerError: unknown top level operator/);
  });
});
