import fc from 'fast-check';
import type * as native from 'mongodb';

import { openClients, type Clients, type Side } from '../../support/clients';
import { runs } from '../../support/effort';
import { outcome } from '../../support/outcome';

/* Whatever is called on a cursor, one call behind the other, comes to what it comes to with the driver. */

interface Numbered {
  _id: number;
  n: number;
}

interface Opened {
  kind: 'find' | 'aggregate';
  filter: native.Filter<Numbered>;
  options: Pick<native.FindOptions, 'batchSize' | 'limit' | 'skip' | 'singleBatch'>;
}

type AnyCursor = native.FindCursor<native.WithId<Numbered>>;
type Step = [name: string, number: number];

let clients: Clients;
beforeAll(async () => {
  clients = openClients();
  const documents = Array.from({ length: 25 }, (_, _id) => ({ _id, n: _id % 5 }));
  await clients.native.db.collection<Numbered>('numbered').insertMany(documents);
});
afterAll(async () => await clients.close());

/** What is set on a cursor, which is refused once it has been read. */
const settings: Record<string, (cursor: AnyCursor, number: number) => unknown> = {
  limit: (cursor, number) => cursor.limit(number),
  skip: (cursor, number) => cursor.skip(number),
  batchSize: (cursor, number) => cursor.batchSize(number),
  maxTimeMS: (cursor, number) => cursor.maxTimeMS(10_000 + number),
  sort: (cursor, number) => cursor.sort({ _id: number % 2 === 0 ? -1 : 1 }),
  filter: (cursor, number) => cursor.filter({ _id: { $gt: number } }),
  project: (cursor) => cursor.project({ _id: 1 }),
  returnKey: (cursor) => cursor.returnKey(true),
  hint: (cursor) => cursor.hint({ _id: 1 }),
  noCursorTimeout: (cursor) => cursor.addCursorFlag('noCursorTimeout', true),
  map: (cursor) => cursor.map((document) => ({ ...document, mapped: true })),
  throwingMap: (cursor, number) =>
    cursor.map((document) => {
      if (document._id % 7 === number) throw new Error('mapped');
      return document;
    }),
};

/** What is asked of it. `number` documents are read where there is no other end. */
const calls: Record<string, (cursor: AnyCursor, number: number) => unknown> = {
  next: (cursor) => cursor.next(),
  tryNext: (cursor) => cursor.tryNext(),
  hasNext: (cursor) => cursor.hasNext(),
  toArray: (cursor) => cursor.toArray(),
  close: (cursor) => cursor.close(),
  dispose: (cursor) => cursor[Symbol.asyncDispose](),
  rewind: (cursor) => cursor.rewind(),
  readBufferedDocuments: (cursor, number) => cursor.readBufferedDocuments(number),
  readAllBufferedDocuments: (cursor) => cursor.readBufferedDocuments(),
  async forEach(cursor, number) {
    const seen: unknown[] = [];

    await cursor.forEach((document) => seen.push(document) < number);
    return seen;
  },
  async forAwait(cursor, number) {
    const seen: unknown[] = [];
    for await (const document of cursor) if (seen.push(document) >= number) break;
    return seen;
  },
};

const numbers = fc.integer({ min: 0, max: 6 });
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });

const opened: fc.Arbitrary<Opened> = fc.record({
  kind: fc.constantFrom('find', 'find', 'aggregate'),
  filter: fc.constantFrom({}, {}, {}, { n: 3 }, { _id: -1 }),
  options: fc
    .record({
      batchSize: optional(fc.integer({ min: 0, max: 8 })),
      limit: optional(fc.integer({ min: -6, max: 12 })),
      skip: optional(numbers),
      singleBatch: optional(fc.boolean()),
    })
    .map((options) => withoutUndefined(options)),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constantFrom('next', 'hasNext', 'tryNext'), numbers) },
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom(...Object.keys(calls), 'clone'), numbers) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...Object.keys(settings)), numbers) },
);

function withoutUndefined<T extends object>(options: T): T {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as T;
}

function open({ db }: Side<native.MongoClient>, { kind, filter, options }: Opened): AnyCursor {
  const numbered = db.collection<Numbered>('numbered');
  if (kind === 'find') return numbered.find(filter, { ...options });
  const { batchSize } = options;
  const pipeline = [{ $match: filter }, { $sort: { _id: 1 } }];
  return numbered.aggregate(pipeline, withoutUndefined({ batchSize })) as unknown as AnyCursor;
}

async function take(
  side: Side<native.MongoClient>,
  how: Opened,
  steps: readonly Step[],
): Promise<unknown[]> {
  const cursors = [open(side, how)];
  const seen: unknown[] = [];
  for (const [name, number] of steps) {
    const cursor = cursors[cursors.length - 1];
    const came = await outcome(async () => {
      if (name === 'clone') return cursors.push(cursor.clone());
      if (name in calls) return await calls[name](cursor, number);
      return settings[name](cursor, number) === cursor;
    });
    const latest = cursors[cursors.length - 1];
    const { closed, killed, id } = latest;
    // The id of one that is being killed is forgotten a moment sooner or later.
    const atServer = killed ? undefined : id?.isZero();
    seen.push([name, came, { closed, killed, atServer, unread: latest.bufferedCount() }]);
  }
  for (const cursor of cursors) await cursor.close();
  return seen;
}

test('any sequence of calls on a cursor comes to the same', async () => {
  await fc.assert(
    fc.asyncProperty(opened, fc.array(step, { minLength: 1, maxLength: 8 }), async (how, steps) => {
      const ours = await take(clients.ours, how, steps);
      expect(ours).toStrictEqual(await take(clients.native, how, steps));
    }),
    runs(100),
  );
}, 600_000);

test('documents that a closed cursor has not handed out stay in it', async () => {
  for (const { db } of [clients.ours, clients.native]) {
    const cursor = db.collection<Numbered>('numbered').find({}, { batchSize: 3 });
    await cursor.next();
    await cursor.close();
    expect(await cursor.toArray()).toEqual([]);
    expect([cursor.closed, cursor.bufferedCount()]).toEqual([false, 2]);
    expect(cursor.readBufferedDocuments()).toEqual([
      { _id: 1, n: 1 },
      { _id: 2, n: 2 },
    ]);
    expect(cursor.closed).toBe(true);
  }
});

test('toArray() leaves what is behind the first document of a batch that map() refuses, and only that', async () => {
  for (const { db } of [clients.ours, clients.native]) {
    for (const [refused, rest] of [
      [0, [1, 2]],
      [3, [4, 5]],
      [1, []],
      [5, []],
    ] as const) {
      const cursor = db.collection<Numbered>('numbered').find({}, { batchSize: 3 });
      cursor.map(({ _id }) => {
        if (_id === refused) throw new Error('refused');
        return _id;
      });
      await expect(cursor.toArray()).rejects.toThrow('refused');
      expect(cursor.closed).toBe(rest.length === 0);
      expect(cursor.readBufferedDocuments()).toMatchObject(rest.map((_id) => ({ _id })));
    }
  }
});
