import { getEventListeners, once } from 'node:events';

import type { ChangeStream, Collection, FindCursor, MongoClient } from '@mongo-offload/core';
import * as native from 'mongodb';

import { openNumbers, type Numbered, type Numbers } from '../../support/numbers';
import { until } from '../../support/until';

type Cursor = FindCursor<Numbered>;

const COUNT = 200;
const numbers = Array.from({ length: COUNT }, (_, _id) => _id);
let stored: Numbers;
let admin: native.MongoClient;
let client: MongoClient;
let ours: Collection<Numbered>;
let dbName: string;

beforeAll(async () => {
  const options = { offload: { chunkBytes: 4096 } };
  stored = await openNumbers(COUNT, options, { text: 'x'.repeat(100) });
  ({ admin, client, dbName, ours } = stored);
});
afterAll(async () => await stored.close());

const ids = (documents: (Numbered | null)[]): number[] =>
  documents.filter((document) => document !== null).map(({ _id }) => _id);

/** Makes calls at once, repeatedly, until none of them returns a document. */
async function inRounds(call: () => Promise<Numbered[]>, width: number): Promise<number[]> {
  const read: number[] = [];
  for (;;) {
    const round = await Promise.all(Array.from({ length: width }, call));
    if (round.flat().length === 0) return read;
    read.push(...ids(round.flat()));
  }
}

const one = (document: Numbered | null): Numbered[] => (document === null ? [] : [document]);

const WAYS: Record<string, (cursor: Cursor, width: number) => Promise<number[]>> = {
  next: (cursor, width) => inRounds(async () => one(await cursor.next()), width),
  'next of a mapped cursor': (cursor, width) => {
    const mapped = cursor.map((document) => document);
    return inRounds(async () => one(await mapped.next()), width);
  },
  tryNext: (cursor, width) =>
    inRounds(async () => (cursor.closed ? [] : one(await cursor.tryNext())), width),
  toList: (cursor, width) => inRounds(() => cursor.toList(3), width),
  'next and toList': (cursor, width) => {
    let calls = 0;
    return inRounds(
      async () => (calls++ % 2 === 0 ? await cursor.toList(2) : one(await cursor.next())),
      width,
    );
  },
  'hasNext and next': async (cursor, width) => {
    const read: number[] = [];
    for (;;) {
      const calls = Array.from({ length: width }, () => [cursor.hasNext(), cursor.next()] as const);
      const round = await Promise.all(
        calls.map(async ([has, next]) => [await has, await next] as const),
      );
      // Each hasNext speaks for the next() called after it.
      for (const [has, next] of round) expect(has).toBe(next !== null);
      if (round.every(([has]) => !has)) return read;
      read.push(...ids(round.map(([, next]) => next)));
    }
  },
  'fetchNext and nextObject': async (cursor, width) => {
    const read: number[] = [];
    for (;;) {
      const has = await Promise.all(Array.from({ length: width }, () => cursor.fetchNext));
      if (has.every((some) => !some)) return read;
      for (let next = cursor.nextObject(); next !== null; next = cursor.nextObject()) {
        read.push(next._id);
      }
    }
  },
  'one iterator': async (cursor, width) => {
    const iterator = cursor[Symbol.asyncIterator]();
    const read: number[] = [];
    for (;;) {
      const round = await Promise.all(Array.from({ length: width }, () => iterator.next()));
      for (const { done, value } of round) if (done !== true) read.push(value._id);
      if (round.every(({ done }) => done)) return read;
    }
  },
  'the rest by toArray': async (cursor, width) => {
    const calls = Array.from({ length: width }, () => cursor.next());
    const rest = cursor.toArray();
    const after = cursor.hasNext();
    const read = [...ids(await Promise.all(calls)), ...ids(await rest)];
    expect(await after).toBe(false);
    return read;
  },
};

describe('calls side by side get each document once, in the order of the calls', () => {
  test.each(Object.entries(WAYS))('%s', async (_, read) => {
    for (const [batchSize, width] of [
      [7, 5],
      [25, 10],
      [100, 2],
      [1, 3],
      [1_000, 4],
    ]) {
      const cursor = ours.find({}, { batchSize, sort: { _id: 1 } });
      expect(await read(cursor, width)).toStrictEqual(numbers);
      await cursor.close();
    }
  });

  test('several loops over one cursor', async () => {
    for (const shared of [true, false]) {
      const cursor = ours.find({}, { batchSize: 7, sort: { _id: 1 } });
      const iterator = cursor[Symbol.asyncIterator]();
      const read: number[] = [];
      const loop = async (): Promise<void> => {
        for await (const { _id } of shared ? iterator : cursor) read.push(_id);
      };
      await Promise.all([loop(), loop(), loop()]);
      expect(read.sort((a, b) => a - b)).toStrictEqual(numbers);
    }
  });

  test('a function of map() may wait for a call on its own cursor', async () => {
    let isInner = false;
    const pairs = ours
      .find({}, { batchSize: 1, sort: { _id: 1 } })
      .map(async ({ _id }): Promise<unknown> => {
        if (isInner) return _id;
        isInner = true;
        const next = await pairs.next();
        isInner = false;
        return [_id, next];
      });
    expect(await pairs.next()).toStrictEqual([0, 1]);
    expect(await pairs.toList(2)).toStrictEqual([
      [2, 3],
      [4, 5],
    ]);
    await pairs.close();
  });
});

describe('when a call ends the cursor, later calls reject as well', () => {
  test('by an error of the server', async () => {
    const inverse = { $divide: [1, { $subtract: [4, '$_id'] }] };
    const cursor = ours.aggregate<Numbered>([{ $project: { inverse } }], { batchSize: 4 });
    const all = await Promise.allSettled(Array.from({ length: 8 }, () => cursor.next()));
    expect(all.map(({ status }) => status)).toStrictEqual([
      ...Array.from({ length: 4 }, () => 'fulfilled'),
      ...Array.from({ length: 4 }, () => 'rejected'),
    ]);
  });

  test('by a query that the server refuses', async () => {
    const cursor = ours.find({ $bad: 1 } as native.Filter<Numbered>);
    const all = [cursor.next(), cursor.tryNext(), cursor.hasNext(), cursor.toArray()] as const;
    for (const { status } of await Promise.allSettled(all)) expect(status).toBe('rejected');
  });

  test('by its close', async () => {
    for (const first of [true, false]) {
      const slow = { $where: 'sleep(10) || true' } as never;
      const cursor = ours.find(slow, { batchSize: 3, sort: { _id: 1 } });
      if (!first) await cursor.toList(3);
      const all = [cursor.next(), cursor.toList(9), cursor.hasNext(), cursor.tryNext()] as const;
      const settled = Promise.allSettled(all);
      await cursor.close();
      for (const outcome of await settled) {
        const { name, code } = (outcome as PromiseRejectedResult).reason as native.MongoServerError;
        expect({ name, code }).toStrictEqual({ name: 'MongoServerError', code: 237 });
      }
    }
  });
});

describe('change streams', () => {
  const maxAwaitTimeMS = 50;

  async function watched(): Promise<[ChangeStream<Numbered>, native.Collection<Numbered>]> {
    const collection = await admin.db(dbName).createCollection<Numbered>(`changes${Date.now()}`);
    const watching = client.db(dbName).collection<Numbered>(collection.collectionName);
    const stream = watching.watch<Numbered>([], { maxAwaitTimeMS, batchSize: 3 });
    expect(await stream.tryNext()).toBeNull();
    return [stream, collection];
  }

  test('calls side by side get each change once, in order', async () => {
    const [stream, collection] = await watched();
    const changes = Array.from({ length: 20 }, () => stream.next());
    await collection.insertMany(numbers.slice(0, 20).map((_id) => ({ _id })));
    const seen = (await Promise.all(changes)).map(
      (change) => (change as native.ChangeStreamInsertDocument<Numbered>).documentKey._id,
    );
    expect(seen).toStrictEqual(numbers.slice(0, 20));
    await stream.close();
  });

  test('its close ends all of them', async () => {
    const [stream] = await watched();
    const calls = [stream.next(), stream.hasNext(), stream.next(), stream.tryNext()];
    const settled = Promise.allSettled(calls);
    await stream.close();
    for (const { status } of await settled) expect(status).toBe('rejected');
  });

  test('one with listeners, and a cursor’s stream, leave no listener on their signal', async () => {
    const { signal } = new AbortController();
    const collection = await admin.db(dbName).createCollection<Numbered>('listened');
    const watching = client.db(dbName).collection<Numbered>('listened');
    const stream = watching.watch<Numbered>([], { maxAwaitTimeMS, signal });
    const changed = once(stream, 'change');
    await until(() => stream.resumeToken !== undefined && stream.resumeToken !== null);
    await collection.insertOne({ _id: 1 });
    await changed;
    expect(getEventListeners(signal, 'abort').length).toBeGreaterThan(0);
    await stream.close();
    const destroyed = ours.find({}, { batchSize: 2, signal }).stream();
    await once(destroyed, 'data');
    destroyed.destroy();
    await once(destroyed, 'close');
    for await (const _ of ours.find({}, { signal }).stream()) continue;
    expect(getEventListeners(signal, 'abort')).toStrictEqual([]);
  });
});

describe('Math.random', () => {
  afterEach(() => jest.restoreAllMocks());

  const STUBS: Record<string, () => number> = {
    'always 0': () => 0,
    'always 0.5': () => 0.5,
    'which throws': () => {
      throw new RangeError('this test is to be repeatable');
    },
  };

  test.each(Object.entries(STUBS))('%s: cursors are read, side by side', async (_, stub) => {
    await ours.findOne();
    jest.spyOn(Math, 'random').mockImplementation(stub);
    const small = { batchSize: 10, sort: { _id: 1 } } as const;
    const stream = ours.watch([], { maxAwaitTimeMS: 50 });
    const [all, some, listed] = await Promise.all([
      ours.find({}, { sort: { _id: 1 } }).toArray(),
      ours.find({}, small).toArray(),
      ours.find({}, small).toList(COUNT),
      stream.tryNext(),
    ]);
    for (const read of [all, some, listed]) expect(ids(read)).toStrictEqual(numbers);
    const cursor = ours.find({}, small);
    await cursor.next();
    await cursor.close();
    await stream.close();
  });
});

describe('what toList and waitUntilReady refuse', () => {
  test.each([-1, NaN, 1.5, -Infinity, '3', {}, true, 3n])('toList(%p)', async (length) => {
    const cursor = ours.find();
    await expect(cursor.toList(length as number)).rejects.toThrow(native.MongoInvalidArgumentError);
    await cursor.close();
  });

  test('any number of documents is taken, or all', async () => {
    expect(await ours.find().toList(0)).toStrictEqual([]);
    for (const length of [null, undefined, Infinity, COUNT]) {
      expect(await ours.find().toList(length)).toHaveLength(COUNT);
    }
  });

  test.each([null, 5, 'soon', { timeoutMS: -1 }, { timeoutMS: '5' }, { onRetry: 1 }])(
    'waitUntilReady(%p)',
    async (options) => {
      const wait = client.waitUntilReady(options as never);
      await expect(wait).rejects.toThrow(native.MongoInvalidArgumentError);
    },
  );
});
