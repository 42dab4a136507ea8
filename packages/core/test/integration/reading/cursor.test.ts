import { once } from 'node:events';

import { AggregationCursor, FindCursor, MongoClient, type Collection } from '@mongo-offload/core';
import * as native from 'mongodb';

import { openClients, uri, type Clients } from '../../support/clients';
import { failCommand } from '../../support/fail-point';
import { until } from '../../support/until';

interface Numbered extends native.Document {
  _id: number;
  text: string;
}

let clients: Clients;
let ours: Collection<Numbered>;
let theirs: native.Collection<Numbered>;
const COUNT = 5_000;
const documents: Numbered[] = Array.from({ length: COUNT }, (_, _id) => ({
  _id,
  text: `document ${_id} `.repeat(_id % 60),
}));

beforeAll(async () => {
  clients = openClients({ offload: { chunkBytes: 16_384 } });
  ours = clients.ours.db.collection('numbered');
  theirs = clients.native.db.collection('numbered');
  await theirs.insertMany(documents);
});
afterAll(async () => await clients.close());

/** Cursors that the server holds open for this test's collection. */
interface IdleCursor {
  cursor: { nBatchesReturned: native.Long | number };
}

/** What the server says of the cursors that are open on the collection. */
async function idleCursors(): Promise<IdleCursor[]> {
  return await clients.native.client
    .db('admin')
    .aggregate<IdleCursor>([
      { $currentOp: { idleCursors: true, allUsers: true } },
      { $match: { type: 'idleCursor', ns: theirs.namespace } },
    ])
    .toArray();
}

async function openCursors(): Promise<number> {
  return (await idleCursors()).length;
}

/** By the one cursor that is open. */
async function batchesReturned(): Promise<number> {
  const [idle] = await idleCursors();
  return Number(idle?.cursor.nBatchesReturned ?? NaN);
}

describe('every way of reading gives every document once, in order', () => {
  const ways: Record<string, (cursor: FindCursor<Numbered>) => Promise<Numbered[]>> = {
    toArray: async (cursor) => await cursor.toArray(),
    'for await': async (cursor) => {
      const read: Numbered[] = [];
      for await (const document of cursor) read.push(document);
      return read;
    },
    next: async (cursor) => {
      const read: Numbered[] = [];
      for (let document = await cursor.next(); document !== null; document = await cursor.next()) {
        read.push(document);
      }
      return read;
    },
    'hasNext and next': async (cursor) => {
      const read: Numbered[] = [];
      while (await cursor.hasNext()) read.push((await cursor.next())!);
      return read;
    },
    tryNext: async (cursor) => {
      const read: Numbered[] = [];
      while (!cursor.closed) {
        const document = await cursor.tryNext();
        if (document !== null) read.push(document);
      }
      return read;
    },
    forEach: async (cursor) => {
      const read: Numbered[] = [];

      await cursor.forEach((document) => void read.push(document));
      return read;
    },
    each: async (cursor) => {
      const read: Numbered[] = [];
      await cursor.each((error, document) => {
        if (error) throw error;
        if (document) read.push(document);
      });
      return read;
    },
    stream: async (cursor) => {
      const read: Numbered[] = [];
      const stream = cursor.stream();
      stream.on('data', (document: Numbered) => read.push(document));
      await once(stream, 'end');
      return read;
    },
    batches: async (cursor) => {
      const read: Numbered[] = [];
      for await (const batch of cursor.batches()) read.push(...batch);
      return read;
    },
    toList: async (cursor) => [...(await cursor.toList(10)), ...(await cursor.toList(null))],
    'fetchNext and nextObject': async (cursor) => {
      const read: Numbered[] = [];
      while (await cursor.fetchNext) read.push(cursor.nextObject()!);
      return read;
    },
    'readBufferedDocuments between': async (cursor) => {
      const read: Numbered[] = [];
      while (await cursor.hasNext()) {
        const buffered = cursor.bufferedCount();
        const some = cursor.readBufferedDocuments(7);
        expect(some).toHaveLength(Math.min(7, buffered));
        read.push(...some);
      }
      return read;
    },
  };

  test.each(Object.keys(ways))('%s', async (way) => {
    for (const batchSize of [undefined, 1_000, 333]) {
      const options = { sort: { _id: 1 }, ...(batchSize ? { batchSize } : {}) } as const;
      const cursor = ours.find({}, options);
      expect(await ways[way](cursor)).toStrictEqual(documents);
      expect(cursor.closed).toBe(true);
    }
    expect(await ways[way](ours.find({ _id: -1 }))).toStrictEqual([]);
  });
});

describe('a cursor behaves as the driver’s', () => {
  test('it is one of its class, with its builders', async () => {
    const build = (collection: native.Collection<Numbered>): native.FindCursor<Numbered> =>
      collection
        .find({ _id: { $gt: 10 } })
        .filter({ _id: { $gte: 100 } })
        .sort({ _id: -1 })
        .skip(5)
        .limit(7)
        .project<Numbered>({ _id: 1 })
        .batchSize(3)
        .comment('built')
        .maxTimeMS(10_000)
        .hint('_id_')
        .collation({ locale: 'en' })
        .allowDiskUse(true)
        .min({ _id: 100 })
        .max({ _id: 4_990 });
    const cursor = build(ours);
    expect(cursor).toBeInstanceOf(FindCursor);
    expect(cursor).toBeInstanceOf(native.FindCursor);
    expect(await cursor.toArray()).toStrictEqual(await build(theirs).toArray());
    expect(ours.aggregate([])).toBeInstanceOf(AggregationCursor);
  });

  test.each([0, 1, 2, 5, 101, 200])(
    'its batches hold what the driver’s hold (batchSize %i)',
    async (batchSize) => {
      const counts: number[][] = [];
      for (const collection of [ours, theirs]) {
        const cursor = collection.find({}, { sort: { _id: 1 }, limit: 20, projection: { _id: 1 } });
        if (batchSize > 0) cursor.batchSize(batchSize);
        const seen: number[] = [];
        while (await cursor.hasNext()) {
          seen.push(cursor.bufferedCount());
          await cursor.next();
        }
        counts.push(seen);
      }
      expect(counts[0]).toStrictEqual(counts[1]);
    },
  );

  test('rewind reads again, clone reads anew', async () => {
    const cursor = ours.find({}, { sort: { _id: 1 }, batchSize: 100 });
    const first = [await cursor.next(), await cursor.next()];
    cursor.rewind();
    expect([await cursor.next(), await cursor.next()]).toStrictEqual(first);
    const clone = cursor.clone();
    expect(clone).toBeInstanceOf(FindCursor);
    expect(await clone.toArray()).toHaveLength(COUNT);
    await cursor.close();
    await until(async () => (await openCursors()) === 0);
  });

  test('map and its errors; null is refused', async () => {
    const doubled = ours.find({ _id: { $lt: 3 } }, { sort: { _id: 1 } }).map(({ _id }) => _id * 2);
    expect(await doubled.toArray()).toStrictEqual([0, 2, 4]);
    const failing = ours.find().map(({ _id }) => {
      if (_id > 0) throw new RangeError('from the transform');
      return _id;
    });
    await expect(failing.toArray()).rejects.toThrow(new RangeError('from the transform'));
    expect(failing.closed).toBe(true);
    await expect(
      ours
        .find()
        .map(() => null)
        .next(),
    ).rejects.toThrow(native.MongoAPIError);
    const iterated: number[] = [];
    for await (const n of ours
      .find({ _id: { $lt: 3 } }, { sort: { _id: 1 } })
      .map(({ _id }) => _id + 1)) {
      iterated.push(n);
    }
    expect(iterated).toStrictEqual([1, 2, 3]);
  });

  test('count, explain and namespace', async () => {
    expect(
      await ours
        .find({ _id: { $lt: 10 } })
        .limit(3)
        .count(),
    ).toBe(3);
    const plan = await ours.find({ _id: 5 }).explain('executionStats');
    expect(plan.executionStats.nReturned).toBe(1);
    expect(Object.keys(await ours.find().explain())).toStrictEqual(
      Object.keys(await theirs.find().explain()),
    );
    const [inline] = await ours.find({ _id: 5 }, { explain: true }).toArray();
    expect(inline).toHaveProperty('queryPlanner');
    expect(ours.find().namespace.toString()).toBe(ours.namespace);
  });

  test('changing it after it has started is refused; using it after it is closed, too', async () => {
    const cursor = ours.find();
    await cursor.next();
    expect(() => cursor.limit(1)).toThrow(native.MongoCursorInUseError);
    expect(cursor.id?.isZero()).toBe(false);
    await cursor.close();
    await cursor.close();
    expect(cursor.killed).toBe(true);
    await expect(cursor.next()).rejects.toThrow(native.MongoCursorExhaustedError);
    expect(await cursor.hasNext()).toBe(false);
    expect(await cursor.toArray()).toStrictEqual([]);
  });

  test('behind a batch that failed it is killed, and using it is refused', async () => {
    const inverse = { $divide: [1, { $subtract: [4, '$_id'] }] };
    const read = async (collection: native.Collection<Numbered>): Promise<unknown[]> => {
      const cursor = collection.aggregate([{ $project: { inverse } }], { batchSize: 3 });
      const steps: unknown[] = [];
      for (let step = 0; step < 6; step += 1) {
        const outcome: unknown = await cursor
          .next()
          .catch((error: unknown) => (error as Error).constructor);
        steps.push([outcome, cursor.id?.isZero(), cursor.killed, cursor.closed]);
      }
      return steps;
    };
    const steps = await read(ours);
    expect(steps.at(-1)).toStrictEqual([native.MongoCursorExhaustedError, true, true, true]);
    expect(steps).toStrictEqual(await read(theirs));
  });

  test('its iterator says what it is', () => {
    const [mine, drivers] = [ours, theirs].map((collection) =>
      Object.prototype.toString.call(collection.find()[Symbol.asyncIterator]()),
    );
    expect(mine).toBe(drivers);
    expect(mine).toBe('[object AsyncGenerator]');
  });

  test('the close event comes once', async () => {
    const cursor = ours.find({ _id: { $lt: 5 } });
    let closes = 0;
    cursor.on('close', () => closes++);
    await cursor.toArray();
    await cursor.close();
    expect(closes).toBe(1);
  });

  test('await using closes it on the server', async () => {
    {
      await using cursor = ours.find({}, { batchSize: 10 });
      await cursor.next();
      expect(await openCursors()).toBe(1);
    }
    expect(await openCursors()).toBe(0);
  });
});

describe('streaming is bounded', () => {
  test('leaving the loop early closes the server’s cursor', async () => {
    for await (const { _id } of ours.find({}, { batchSize: 50 })) {
      if (_id === 3) break;
    }
    expect(await openCursors()).toBe(0);
    for await (const batch of ours.find({}, { batchSize: 50 }).batches()) {
      expect(batch.length).toBeGreaterThan(0);
      break;
    }
    expect(await openCursors()).toBe(0);
  });

  test('also where a batch is being fetched and another connection takes longer than it', async () => {
    const appName = `left-early-${process.pid}`;
    const fresh = new MongoClient(uri(), { appName });
    const slow = { $where: 'sleep(3) || true' } as native.Filter<Numbered>;
    const cursor = fresh
      .db(clients.dbName)
      .collection<Numbered>('numbered')
      .find(slow, { batchSize: 10 });
    await cursor.next();
    const off = await failCommand(clients.native.client, appName, 'alwaysOn', {
      failCommands: ['hello', 'ismaster', 'isMaster'],
      blockConnection: true,
      blockTimeMS: 300,
    });
    // The first of a batch: another has just been asked for.
    for await (const { _id } of cursor) if (_id === 20) break;
    await off();
    expect(await openCursors()).toBe(0);
    await fresh.close();
  });

  test('an error thrown in the loop closes it as well', async () => {
    const read = async (): Promise<void> => {
      for await (const { _id } of ours.find({}, { batchSize: 50 })) {
        if (_id === 3) throw new RangeError('enough');
      }
    };
    await expect(read()).rejects.toThrow('enough');
    expect(await openCursors()).toBe(0);
  });

  test('a consumer that pauses stops the reading: the server’s cursor stays', async () => {
    const cursor = ours.find({}, { batchSize: 100 });
    try {
      for (let i = 0; i < 250; i++) await cursor.next();
      await until(async () => (await openCursors()) === 1);
      let count = -1;
      await until(async () => {
        const now = await batchesReturned();
        const still = now === count;
        count = now;
        return still;
      });
      // 250 documents are 3 batches; read ahead are a few more, not the 50 of the whole collection.
      expect(count).toBeGreaterThanOrEqual(3);
      expect(count).toBeLessThan(12);
    } finally {
      await cursor.close();
    }
  });

  test('a slow loop still lets timers run while a large result is read', async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    for (let round = 0; round < 5; round++) await ours.find().toArray();
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(10);
  });

  test('many cursors at once keep apart', async () => {
    const results = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        const ids: number[] = [];
        for await (const { _id } of ours.find({ _id: { $mod: [40, i] } }, { batchSize: 20 }))
          ids.push(_id);
        return ids;
      }),
    );
    expect(results.flat().sort((a, b) => a - b)).toStrictEqual(documents.map(({ _id }) => _id));
  });
});

describe('abort', () => {
  test.each([2, 5, 10, 100])(
    'a signal ends a cursor at once with its reason, and on the server: %i documents have come',
    async (batchSize) => {
      const controller = new AbortController();
      const reason = new Error('no longer wanted');
      const cursor = ours.find({}, { batchSize, signal: controller.signal });
      await cursor.next();
      const reading = cursor.toArray();
      controller.abort(reason);
      await expect(reading).rejects.toBe(reason);
      await until(async () => (await openCursors()) === 0);
    },
  );

  test('a query that runs is given up at once', async () => {
    const controller = new AbortController();
    const slow = ours
      .find({ $where: 'sleep(50) || true' } as native.Filter<Numbered>, {
        signal: controller.signal,
      })
      .toArray();
    const reason = new Error('too slow');
    setTimeout(() => controller.abort(reason), 50);
    await expect(slow).rejects.toBe(reason);
    const slowCount = {
      $expr: {
        $function: { body: 'function () { sleep(50); return true; }', args: [], lang: 'js' },
      },
    };
    const count = ours.countDocuments(slowCount, {
      signal: AbortSignal.timeout(50),
    });
    await expect(count).rejects.toThrow(/timeout/);
    expect(await ours.findOne({ _id: 1 })).toStrictEqual(documents[1]);
  });
});

describe('tailable cursors', () => {
  test('wait for what is inserted later, and hold nothing up meanwhile', async () => {
    const name = 'tailed';
    await clients.native.db.createCollection(name, { capped: true, size: 100_000 });
    const inserted = clients.native.db.collection<{ _id: number }>(name);
    await inserted.insertOne({ _id: 0 });
    const cursor = clients.ours.db
      .collection<{ _id: number }>(name)
      .find({}, { tailable: true, awaitData: true, maxAwaitTimeMS: 200 });
    expect(await cursor.next()).toStrictEqual({ _id: 0 });
    const next = cursor.next();
    expect(await ours.findOne({ _id: 7 })).toStrictEqual(documents[7]);
    await inserted.insertOne({ _id: 1 });
    expect(await next).toStrictEqual({ _id: 1 });
    expect(await cursor.tryNext()).toBeNull();
    await cursor.close();
  });

  test('closed while someone waits, end that wait as the server ends it', async () => {
    const monitored = openClients({ monitorCommands: true });
    const name = 'tailed_and_closed';
    await monitored.native.db.createCollection(name, { capped: true, size: 100_000 });
    await monitored.native.db.collection(name).insertOne({});
    const ends: unknown[] = [];
    for (const { client, db } of [monitored.native, monitored.ours]) {
      const tail = { tailable: true, awaitData: true, maxAwaitTimeMS: 300 };
      const cursor = db.collection(name).find({}, tail);
      await cursor.next();
      const getMore = once(client, 'commandStarted');
      const waiting = cursor.next().catch((error: unknown) => error);
      await getMore;
      await cursor.close();
      const { name: named, code, codeName } = (await waiting) as native.MongoServerError;
      ends.push([named, code, codeName]);
    }
    await monitored.close();
    expect(ends[0]).toStrictEqual(['MongoServerError', 237, 'CursorKilled']);
    expect(ends[1]).toStrictEqual(ends[0]);
  });
});

describe('the session that a cursor is not given', () => {
  const active = (): number =>
    (clients.ours.client as unknown as { s: { activeSessions: Set<unknown> } }).s.activeSessions
      .size;
  const sessionOf = (cursor: native.AbstractCursor): native.ClientSession | null =>
    (cursor as unknown as { session: native.ClientSession | null }).session;

  test('is there while the server holds the cursor open', async () => {
    for (const cursor of [
      ours.find({}, { batchSize: 2 }),
      ours.aggregate([{ $match: {} }], { batchSize: 2 }),
    ]) {
      expect(sessionOf(cursor)).toBeNull();
      await cursor.next();
      const session = sessionOf(cursor)!;
      expect(session).toMatchObject({ explicit: false, hasEnded: false });
      expect(active()).toBe(1);
      expect(sessionOf(cursor.clone())).toBeNull();
      await cursor.close();
      expect(session.hasEnded).toBe(true);
      expect(active()).toBe(0);
    }
  });

  test('ends with the last reply, and when the cursor is rewound', async () => {
    const cursor = ours.find({ _id: { $lt: 3 } }, { batchSize: 2 });
    await cursor.next();
    const session = sessionOf(cursor)!;
    cursor.rewind();
    expect(session.hasEnded).toBe(true);
    expect(sessionOf(cursor)).toBeNull();
    expect(await cursor.toArray()).toHaveLength(3);
    expect(sessionOf(cursor)).toMatchObject({ hasEnded: true });
    const short = ours.find({ _id: 1 });
    await short.next();
    expect(sessionOf(short)).toMatchObject({ explicit: false, hasEnded: true });
    const failed = ours.find({ $bad: 1 } as native.Filter<Numbered>);
    await expect(failed.next()).rejects.toThrow('$bad');
    expect(sessionOf(failed)).toMatchObject({ hasEnded: true });
    expect(active()).toBe(0);
  });

  test('is none of those that a count or an explanation takes', async () => {
    const cursor = ours.find({}, { batchSize: 2 });
    await cursor.next();
    expect(await cursor.count()).toBe(COUNT);
    expect(await cursor.explain('queryPlanner')).toHaveProperty('queryPlanner');
    await cursor.close();
  });
});
