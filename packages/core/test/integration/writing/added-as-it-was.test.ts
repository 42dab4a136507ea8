import * as native from 'mongodb';
import type { MongoClient } from '@mongo-offload/core';

import { openClients, uri, type Clients } from '../../support/clients';

// A list is stored as it was at the call, and a bulk operation's statements as they were when they were added. (Drivers
// before 7.8 read those at execution.)

interface Row {
  _id: number;
  v?: unknown;
  [key: string]: unknown;
}
type Rows = native.Collection<Row>;

let clients: Clients;
let sides: { client: native.MongoClient | MongoClient; on: Rows }[];

beforeAll(() => {
  clients = openClients();
  sides = [clients.native, clients.ours].map(({ client, db }) => ({
    client,
    on: db.collection<Row>('rows'),
  }));
});
afterAll(async () => {
  await clients.close();
});

/** Compares what each driver stores. */
async function assertSame(
  write: (on: Rows, client: native.MongoClient) => Promise<unknown>,
): Promise<void> {
  const outcomes: unknown[] = [];
  for (const { on, client } of sides) {
    await on.deleteMany({});
    await on.insertMany([
      { _id: -1, v: 'untouched' },
      { _id: -2, v: 'untouched' },
    ]);
    const outcome = await write(on, client).then(
      (result) => JSON.parse(JSON.stringify(result)) as unknown,
      (error: unknown) => [(error as Error).name, (error as Error).message],
    );
    outcomes.push({ outcome, stored: await on.find({}, { sort: { _id: 1 } }).toArray() });
  }
  expect(outcomes[1]).toStrictEqual(outcomes[0]);
}

describe.each(['ordered', 'unordered'])('a bulk operation, %s', (kind) => {
  const bulkOf = (on: Rows, options?: native.BulkWriteOptions): native.BulkOperationBase =>
    kind === 'ordered'
      ? on.initializeOrderedBulkOp(options)
      : on.initializeUnorderedBulkOp(options);

  test('stores one object, changed between its inserts, as it was at each', async () => {
    await assertSame(async (on) => {
      const bulk = bulkOf(on);
      const row: Row = { _id: 0, deep: { list: [1] } };
      for (let i = 0; i < 4; i++) {
        row._id = i;
        (row.deep as { list: unknown[] }).list.push(i);
        bulk.insert(row);
      }
      row._id = 9;
      return await bulk.execute();
    });
  });

  test('sends updates, replacements and deletes as they were when added', async () => {
    await assertSame(async (on) => {
      const bulk = bulkOf(on);
      const filter: native.Document = { _id: -1 };
      const update = { $set: { v: 'one' } };
      const replacement: native.Document = { v: 'replaced' };
      const inserted: Row = { _id: 6, v: 'inserted' };
      const hint = { _id: 1 };
      bulk.find(filter).hint(hint).updateOne(update);
      update.$set.v = 'two';
      bulk.find({ _id: -2 }).update(update);
      filter._id = 5;
      bulk.find(filter).upsert().replaceOne(replacement);
      replacement.v = 'later';
      filter._id = -2;
      bulk.find(filter).deleteOne();
      filter._id = -1;
      update.$set.v = 'three';
      hint._id = 7;
      bulk.raw({ updateOne: { filter, update } });
      bulk.raw({ insertOne: { document: inserted as native.Document } });
      inserted.v = 'last';
      return await bulk.execute();
    });
  });

  test('does as the driver when execution has other BSON options', async () => {
    for (const options of [{ ignoreUndefined: true }, { serializeFunctions: true }, {}]) {
      await assertSame(async (on) => {
        const bulk = bulkOf(on);
        const row: Row = { _id: 1, u: undefined, f: () => 1 };
        bulk.insert(row);
        row.v = 'later';
        return await bulk.execute(options);
      });
      await assertSame(async (on) => {
        const bulk = bulkOf(on, options);
        const row: Row = { _id: 1, u: undefined, f: () => 1 };
        bulk.insert(row);
        row.v = 'later';
        return await bulk.execute();
      });
    }
  });

  test('keeps no bytes after its execution, and cannot be executed again', async () => {
    const { on } = sides[1];
    const bulk = bulkOf(on);
    await on.deleteMany({});
    bulk.insert({ _id: 1 }).insert({ _id: 2 }).find({ _id: 1 }).deleteOne();
    const batches = bulk.batches as unknown as { serializedOperations: unknown[] }[];
    expect(batches.flatMap((batch) => batch.serializedOperations)).toHaveLength(3);
    await bulk.execute();
    expect(batches.flatMap((batch) => batch.serializedOperations)).toHaveLength(0);
    await expect(bulk.execute()).rejects.toThrow(native.MongoBatchReExecutionError);
  });

  test('stores what was added when it takes more than one message', async () => {
    const COUNT = 5_000;
    const { on } = sides[1];
    await on.deleteMany({});
    const bulk = bulkOf(on);
    const row: Row = { _id: 0, pad: 'x'.repeat(1_000) };
    for (let i = 0; i < COUNT; i++) {
      row._id = i;
      row.v = `${i}`;
      bulk.insert(row);
    }
    const { insertedCount } = await bulk.execute();
    expect(insertedCount).toBe(COUNT);
    const sum = [{ $group: { _id: null, sum: { $sum: { $toInt: '$v' } } } }];
    const [total] = await on.aggregate(sum).toArray();
    expect(total.sum).toBe((COUNT * (COUNT - 1)) / 2);
  });
});

describe('a list that changes after the call', () => {
  const COUNT = 1_500;
  const list = (): Row[] =>
    Array.from({ length: COUNT }, (_, _id) => ({
      _id,
      v: 'old',
      inner: { v: 'old' },
      pad: Array.from({ length: 250 }, (__, n) => `text ${n}`),
    }));
  const change = (rows: Row[]): void => {
    for (const row of rows) {
      row.v = 'new';
      (row.inner as { v: string }).v = 'new';
      row._id += COUNT;
    }
    rows.length = 0;
  };
  const ways: Record<string, (on: Rows, rows: Row[]) => Promise<unknown>> = {
    insertMany: (on, rows) => on.insertMany(rows),
    bulkWrite: (on, rows) => on.bulkWrite(rows.map((document) => ({ insertOne: { document } }))),
    'bulkWrite of updates': (on, rows) =>
      on.bulkWrite(
        rows.map((row) => ({
          replaceOne: { filter: { _id: row._id }, replacement: row, upsert: true },
        })),
      ),
  };
  test.each(Object.entries(ways))(
    '%s stores it as it was, however it changes',
    async (_, write) => {
      const { on } = sides[1];
      for (const moment of ['at once', 'in the next turn']) {
        await on.deleteMany({});
        const rows = list();
        const written = write(on, rows);
        if (moment === 'at once') change(rows);
        else setImmediate(() => change(rows));
        await written;
        expect(await on.countDocuments({ v: 'old', 'inner.v': 'old', _id: { $lt: COUNT } })).toBe(
          COUNT,
        );
        expect(await on.countDocuments()).toBe(COUNT);
      }
    },
  );

  test('is not read after the call has returned', () => {
    let read = 0;
    const { on } = sides[1];
    const rows = list().map((row) =>
      Object.defineProperty(row, 'counted', { enumerable: true, get: () => (read += 1) }),
    );
    on.insertMany(rows).catch(() => undefined);
    expect(read).toBe(COUNT);
  });
});

test('with encodeInSlices, the event loop turns while a list is encoded', async () => {
  const { MongoClient } = await import('@mongo-offload/core');
  const client = new MongoClient(uri(), { offload: { encodeInSlices: true, sliceMS: 0.1 } });
  const on = client.db(clients.dbName).collection<Row>('slices');
  await on.insertOne({ _id: -1 });
  const turnsOf = async (options: native.BulkWriteOptions): Promise<number> => {
    let turns = 0;
    const seen = new Set<number>();
    let next: NodeJS.Immediate | undefined;
    const turn = (): void => {
      turns += 1;
      next = setImmediate(turn);
    };
    next = setImmediate(turn);
    const rows = Array.from({ length: 2_000 }, () =>
      Object.defineProperty({ pad: 'x'.repeat(2_000) } as unknown as Row, 'at', {
        enumerable: true,
        get: () => seen.add(turns).size,
      }),
    );
    for (const row of rows) Object.assign(row, { _id: new native.ObjectId() });
    await on.insertMany(rows, options);
    clearImmediate(next);
    return seen.size;
  };
  expect(await turnsOf({})).toBeGreaterThan(3);
  expect(await turnsOf({ offload: { encodeInSlices: false } })).toBe(1);
  await client.close();
  const plain = clients.ours.db.collection<Row>('slices');
  await expect(
    plain.insertMany([{ _id: 1 }], { offload: { encodeInSlices: 1 as never } }),
  ).rejects.toThrow('offload.encodeInSlices must be true or false, not 1.');
  expect(() => new MongoClient(uri(), { offload: { encodeInSlices: 'yes' as never } })).toThrow(
    /encodeInSlices/,
  );
});
