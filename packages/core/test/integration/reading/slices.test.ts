import { type FindCursor, MongoClient, type Collection } from '@mongo-offload/core';
import * as native from 'mongodb';

import { uri } from '../../support/clients';

const COUNT = 600;
const dbName = `slices_${process.pid}`;
let admin: native.MongoClient;
let client: MongoClient;
let collection: Collection<{ _id: number }>;

beforeAll(async () => {
  admin = new native.MongoClient(uri());
  const documents = Array.from({ length: COUNT }, (_, _id) => ({ _id }));
  await admin.db(dbName).collection<{ _id: number }>('numbers').insertMany(documents);
  client = new MongoClient(uri(), { offload: { sliceMS: 1 } });
  collection = client.db(dbName).collection('numbers');
});
afterAll(async () => {
  await client.close();
  await admin.db(dbName).dropDatabase();
  await admin.close();
});

/** All documents come in one batch: nothing but the reader's own care lets the loop turn between them. */
const inOneBatch = (): FindCursor<{ _id: number }> =>
  collection.find({}, { batchSize: COUNT + 1, sort: { _id: 1 } });

function work(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

describe('a program that works on each document has the loop for a slice at a time', () => {
  type Take = (count: number) => void;
  type Way = (cursor: FindCursor<{ _id: number }>, take: Take) => Promise<unknown>;
  /** By each way of reading, and the documents at most that come within a slice of two of them. */
  const ways: Record<string, [most: number, Way]> = {
    'for await': [
      8,
      async (cursor, take) => {
        for await (const { _id } of cursor) take(_id);
      },
    ],
    'for await, mapped': [
      8,
      async (cursor, take) => {
        for await (const { _id } of cursor.map((document) => document)) take(_id);
      },
    ],
    next: [
      8,
      async (cursor, take) => {
        for (let next = await cursor.next(); next !== null; next = await cursor.next()) {
          take(next._id);
        }
      },
    ],
    'hasNext and next': [
      8,
      async (cursor, take) => {
        while (await cursor.hasNext()) take((await cursor.next())!._id);
      },
    ],
    tryNext: [
      8,
      async (cursor, take) => {
        while (!cursor.closed) {
          const next = await cursor.tryNext();
          if (next !== null) take(next._id);
        }
      },
    ],
    'fetchNext and nextObject': [
      8,
      async (cursor, take) => {
        while (await cursor.fetchNext) take(cursor.nextObject()!._id);
      },
    ],
    forEach: [8, async (cursor, take) => await cursor.forEach(({ _id }) => take(_id))],
    each: [
      8,
      async (cursor, take) =>
        await cursor.each((_, document) => {
          if (document !== null) take(document._id);
        }),
    ],
    stream: [
      // The stream reads some ahead of its reader.
      32,
      async (cursor, take) => {
        for await (const { _id } of cursor.stream()) take(_id ?? -1);
      },
    ],
    batches: [
      // an array, which is for the program to work through as it likes
      150,
      async (cursor, take) => {
        for await (const batch of cursor.batches()) for (const { _id } of batch) take(_id);
      },
    ],
  };

  test.each(Object.entries(ways))('%s', async (_, [most, read]) => {
    const seen: number[] = [];
    let inTurn = 0;
    let mostInTurn = 0;
    let reading = true;
    const turn = (): void => {
      inTurn = 0;
      if (reading) setImmediate(turn);
    };
    setImmediate(turn);
    try {
      await read(inOneBatch(), (number) => {
        seen.push(number);
        inTurn += 1;
        mostInTurn = Math.max(mostInTurn, inTurn);
        work(0.5);
      });
    } finally {
      reading = false;
    }
    expect(seen).toEqual(Array.from({ length: COUNT }, (_, number) => number));
    expect(mostInTurn).toBeLessThanOrEqual(most);
  });

  test('timers run too', async () => {
    let ticks = 0;
    const ticking = setInterval(() => ticks++, 1);
    try {
      for await (const document of inOneBatch()) work(document._id < 0 ? 0 : 0.2);
    } finally {
      clearInterval(ticking);
    }
    // Some sixty slices. The fewest where other programs use the processors; without slices, it would be one or two.
    expect(ticks).toBeGreaterThan(10);
  });
});

describe('side by side, documents are given in the order of the calls', () => {
  test('to next(), all called at once', async () => {
    const cursor = inOneBatch();
    const first = await cursor.next();
    const settled: number[] = [];
    const rest = await Promise.all(
      Array.from({ length: COUNT - 1 }, async () => {
        // Work within the calls: the slice ends among them.
        work(0.05);
        const document = await cursor.next();
        settled.push(document!._id);
        return document;
      }),
    );
    const all = [first, ...rest].map((document) => document!._id);
    expect(all).toEqual(Array.from({ length: COUNT }, (_, number) => number));
    expect(settled).toEqual(all.slice(1));
    expect(await cursor.next()).toBeNull();
  });

  test('to next(), called by several that read and work', async () => {
    const cursor = inOneBatch();
    const given: number[] = [];
    const called: number[] = [];
    let calls = 0;
    const read = async (): Promise<void> => {
      for (;;) {
        const call = calls++;
        const document = await cursor.next();
        if (document === null) return;
        called.push(call);
        given.push(document._id);
        work(0.1);
      }
    };
    // One call first: those side by side find the batch there.
    given.push((await cursor.next())!._id);
    called.push(calls++);
    await Promise.all([read(), read(), read()]);
    expect(given).toEqual(called);
    expect(given.toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: COUNT }, (_, number) => number),
    );
  });

  test("to an iterator's next(), and what has come is given before it returns", async () => {
    const iterator = inOneBatch()[Symbol.asyncIterator]();
    await iterator.next();
    const events: unknown[] = [];
    const steps = Array.from({ length: 100 }, async () => {
      work(0.1);
      const { value } = await iterator.next();
      events.push((value as { _id: number })._id);
    });
    const returned = iterator.return(undefined).then(() => events.push('returned'));
    await Promise.all([...steps, returned]);
    expect(events).toEqual([...Array.from({ length: 100 }, (_, number) => number + 1), 'returned']);
    expect(await iterator.next()).toEqual({ value: undefined, done: true });
  });

  test('what is read from the buffer comes behind what was called for before', async () => {
    const cursor = inOneBatch();
    await cursor.next();
    work(2);
    const one = cursor.next();
    work(2);
    const two = cursor.next();
    const rest = cursor.readBufferedDocuments();
    expect([(await one)!._id, (await two)!._id, rest[0]._id, rest.length]).toEqual([
      1,
      2,
      3,
      COUNT - 3,
    ]);
    await cursor.close();
  });
});
