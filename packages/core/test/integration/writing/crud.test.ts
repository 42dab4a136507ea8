import { Collection, Db } from '@mongo-offload/core';
import * as native from 'mongodb';
import { Decimal128, Double, Int32, Long, ObjectId } from 'mongodb';

import { openClients, type Clients } from '../../support/clients';
import { until } from '../../support/until';

interface Thing extends native.Document {
  _id?: number;
  n?: number;
}

let clients: Clients;
let ours: Collection<Thing>;
let theirs: native.Collection<Thing>;

beforeAll(() => {
  clients = openClients();
});
afterAll(async () => await clients.close());
beforeEach(async () => {
  await clients.native.db.dropDatabase();
  ours = clients.ours.db.collection('things');
  theirs = clients.native.db.collection('things');
});

const byId = (a: Thing, b: Thing): number => Number(a._id) - Number(b._id);

describe('what is written through a worker is what the driver would write', () => {
  test('insertOne sets _id on the caller’s own document and acknowledges', async () => {
    const document: Thing = { n: 1 };
    const promise = ours.insertOne(document);
    const { _id } = document;
    expect(_id).toBeInstanceOf(ObjectId);
    expect(await promise).toStrictEqual({ acknowledged: true, insertedId: _id });
    expect(await theirs.findOne({ _id })).toStrictEqual({ _id, n: 1 });
  });

  test('insertOne keeps the _id that is there, whatever type it has', async () => {
    for (const _id of ['text', 5, new Decimal128('1.50'), { a: [1, { b: 2 }] }]) {
      expect((await ours.insertOne({ _id } as unknown as Thing)).insertedId).toBe(_id);
    }
    expect(await theirs.countDocuments()).toBe(4);
  });

  test('insertMany gives the ids of all documents in their order', async () => {
    const documents: Thing[] = Array.from({ length: 2_500 }, (_, n) => ({ n }));
    const result = await ours.insertMany(documents);
    expect(result.insertedCount).toBe(2_500);
    expect(Object.values(result.insertedIds)).toStrictEqual(documents.map(({ _id }) => _id));
    expect(await theirs.countDocuments()).toBe(2_500);
  });

  test('more documents than one BSON document could hold cross in one insertMany', async () => {
    const text = 'x'.repeat(1_000_000);
    const result = await ours.insertMany(Array.from({ length: 40 }, (_, _id) => ({ _id, text })));
    expect(result.insertedCount).toBe(40);
    expect(await theirs.countDocuments({ text: { $exists: true } })).toBe(40);
  });

  test('every BSON type arrives byte for byte', async () => {
    const document = {
      _id: 1,
      int: 1,
      int32: new Int32(2),
      double: 1.5,
      wholeDouble: new Double(3),
      negativeZero: -0,
      long: Long.fromString('9007199254740993'),
      small: Long.fromNumber(7),
      bigint: 12345678901234567890n % 2n ** 63n,
      decimal: Decimal128.fromString('12345678901234567890.123456789'),
      date: new Date(-1),
      regexp: /a.b/im,
      bson: new native.BSONRegExp('^x', 'is'),
      binary: new native.Binary(Buffer.from([1, 2, 3]), 128),
      uuid: new native.UUID(),
      buffer: Buffer.from('bytes'),
      code: new native.Code('return 1'),
      scoped: new native.Code('return a', { a: new Int32(1) }),
      timestamp: new native.Timestamp({ t: 1, i: 2 }),
      min: new native.MinKey(),
      max: new native.MaxKey(),
      nothing: null,
      absent: undefined,
      ref: new native.DBRef('other', new ObjectId()),
      map: new Map<string, unknown>([
        ['b', 1],
        ['2', 2],
        ['1', 3],
      ]),
      nested: { '': { a: [[], {}, [1, 'two', [3]]] } },
      self: { toBSON: () => ({ replaced: true }) },
    };
    await ours.insertOne({ ...document });
    await theirs.insertOne({ ...document, _id: 2 });
    const [a, b] = (await theirs
      .find({}, { raw: true, sort: { _id: 1 } })
      .toArray()) as unknown as Buffer[];
    const idAt = 4 + 1 + '_id\0'.length;
    a.writeInt32LE(2, idAt);
    expect(a.equals(b)).toBe(true);
  });

  test('updates, replacements and deletions count what they did', async () => {
    for (const collection of [ours, theirs]) {
      await theirs.deleteMany({});
      await theirs.insertMany([1, 2, 3, 4].map((n) => ({ _id: n, n })));
      const results = [
        await collection.updateOne({ n: 1 }, { $set: { n: 10 } }),
        await collection.updateMany({ n: { $gt: 1 } }, [{ $set: { n: { $add: ['$n', 1] } } }]),
        await collection.updateOne({ _id: 9 }, { $set: { n: 9 } }, { upsert: true }),
        await collection.replaceOne({ _id: 2 }, { other: true }),
        await collection.deleteOne({ _id: 3 }),
        await collection.deleteMany({ _id: { $gt: 3 } }),
      ];
      expect(results).toStrictEqual([
        {
          acknowledged: true,
          matchedCount: 1,
          modifiedCount: 1,
          upsertedCount: 0,
          upsertedId: null,
        },
        {
          acknowledged: true,
          matchedCount: 4,
          modifiedCount: 4,
          upsertedCount: 0,
          upsertedId: null,
        },
        { acknowledged: true, matchedCount: 0, modifiedCount: 0, upsertedCount: 1, upsertedId: 9 },
        {
          acknowledged: true,
          matchedCount: 1,
          modifiedCount: 1,
          upsertedCount: 0,
          upsertedId: null,
        },
        { acknowledged: true, deletedCount: 1 },
        { acknowledged: true, deletedCount: 2 },
      ]);
      expect((await theirs.find().toArray()).sort(byId)).toStrictEqual([
        { _id: 1, n: 11 },
        { _id: 2, other: true },
      ]);
    }
  });

  test('findOneAnd… give the document, or the whole reply, as the driver does', async () => {
    const outcomes: unknown[] = [];
    for (const collection of [ours, theirs]) {
      await theirs.deleteMany({});
      await theirs.insertMany(
        [1, 2, 3].map((n) => ({ _id: n, n: Long.fromNumber(n) }) as unknown as Thing),
      );
      const withMetadata = await collection.findOneAndUpdate(
        { _id: 2 },
        { $inc: { n: 5 } },
        { includeResultMetadata: true, returnDocument: 'after' },
      );
      const { value, lastErrorObject, ok } = withMetadata;
      outcomes.push([
        await collection.findOneAndUpdate(
          { _id: 1 },
          { $set: { a: [{ b: 1 }] } },
          { returnDocument: 'after' },
        ),
        await collection.findOneAndReplace({ _id: 1 }, { z: 1 }),
        { value, lastErrorObject, ok },
        await collection.findOneAndDelete({}, { sort: { _id: -1 }, projection: { _id: 1 } }),
        await collection.findOneAndDelete({ _id: 77 }),
      ]);
    }
    expect(outcomes[0]).toStrictEqual(outcomes[1]);
  });

  test('bulkWrite gives a BulkWriteResult of the driver’s class', async () => {
    const operations = (): native.AnyBulkWriteOperation<Thing>[] => [
      { insertOne: { document: { _id: 1, n: 1 } } },
      { insertOne: { document: { _id: 2, n: 2 } } },
      { updateOne: { filter: { _id: 1 }, update: { $set: { n: 5 } } } },
      { updateMany: { filter: {}, update: { $set: { m: 1 } } } },
      { replaceOne: { filter: { _id: 3 }, replacement: { n: 3 }, upsert: true } },
      { deleteOne: { filter: { _id: 2 } } },
    ];
    for (const ordered of [true, false]) {
      await theirs.deleteMany({});
      const a = await ours.bulkWrite(operations(), { ordered });
      await theirs.deleteMany({});
      const b = await theirs.bulkWrite(operations(), { ordered });
      expect(a.constructor).toBe(b.constructor);
      expect(Object.entries(a)).toStrictEqual(Object.entries(b));
      expect(a.getUpsertedIdAt(0)).toStrictEqual(b.getUpsertedIdAt(0));
      expect(a.isOk()).toBe(true);
    }
  });

  test('a document that is not there is inserted as the driver inserts it', async () => {
    await ours.insertMany([null as unknown as Thing]);
    await theirs.insertMany([null as unknown as Thing]);
    const [a, b] = await theirs.find({}, { projection: { _id: 0 } }).toArray();
    expect(a).toStrictEqual(b);
  });

  test('an unacknowledged write says so and does not wait', async () => {
    const options = { writeConcern: { w: 0 as const } };
    expect(await ours.insertOne({ _id: 1 }, options)).toStrictEqual({
      acknowledged: false,
      insertedId: 1,
    });
    const { acknowledged } = await ours.updateOne({ _id: 1 }, { $set: { n: 1 } }, options);
    expect(acknowledged).toBe(false);
    // Otherwise the server could still apply it in the next test.
    await until(async () => (await theirs.countDocuments({ n: 1 })) === 1);
  });

  test('forceServerObjectId leaves the caller’s document alone', async () => {
    const document: Thing = { n: 1 };
    await ours.insertOne(document, { forceServerObjectId: true });
    expect(document).toStrictEqual({ n: 1 });
    expect((await theirs.findOne())?._id).toBeInstanceOf(ObjectId);
  });
});

describe('what is read through a worker is what the driver would read', () => {
  beforeEach(async () => {
    await theirs.insertMany([
      { _id: 1, n: 1, tags: ['a', 'b'], big: Long.MAX_VALUE },
      { _id: 2, n: 2, tags: ['b'], sub: { x: new Date(5) } },
      { _id: 3, n: 2.5, _when: null },
    ]);
  });

  test('findOne', async () => {
    for (const args of [
      [],
      [{ _id: 2 }],
      [{ n: { $gt: 1 } }, { sort: { n: -1 }, projection: { n: 1 } }],
    ]) {
      const [filter, options] = args as [native.Filter<Thing>, native.FindOneOptions];
      expect(await ours.findOne(filter, options)).toStrictEqual(
        await theirs.findOne(filter, options),
      );
    }
    expect(await ours.findOne({ _id: 9 })).toBeNull();
  });

  test('findOne alone, several at once, in a session and explained, one behind the other', async () => {
    const expected = await theirs.find().sort({ _id: 1 }).toArray();
    const session = clients.ours.client.startSession();
    for (let round = 0; round < 20; round++) {
      for (const [at, document] of expected.entries()) {
        expect(await ours.findOne({ _id: at + 1 })).toStrictEqual(document);
      }
      expect(await ours.findOne({ _id: 9 })).toBeNull();
      expect(await ours.findOne({ _id: 1 }, { session })).toStrictEqual(expected[0]);
      expect(await Promise.all([1, 9, 2].map((_id) => ours.findOne({ _id })))).toStrictEqual([
        expected[0],
        null,
        expected[1],
      ]);
      await expect(ours.findOne({ $no: 1 })).rejects.toThrow(native.MongoServerError);
    }
    await session.endSession();
    const plan = await ours.findOne({ _id: 1 }, { explain: 'queryPlanner' });
    expect(plan).toHaveProperty('queryPlanner');
  });

  test('a findOne returns its implicit session to the pool, for the next one', async () => {
    const sessions = async (): Promise<number> => {
      const stages = [{ $listLocalSessions: { allUsers: true } }, { $count: 'n' }];
      const [count] = await clients.native.client.db('admin').aggregate(stages).toArray();
      return (count as { n: number }).n;
    };
    await ours.findOne({ _id: 1 });
    const before = await sessions();
    for (let i = 0; i < 100; i++) await ours.findOne({ _id: 1 });
    // Ours, on each worker, and the one that counts.
    expect(await sessions()).toBeLessThan(before + 10);
  });

  test.each<native.BSONSerializeOptions>([
    { promoteValues: false },
    { promoteLongs: false },
    { useBigInt64: true },
    { promoteBuffers: true },
    { bsonRegExp: true },
    { enableUtf8Validation: false },
    { raw: true },
  ])('findOne, find and findOneAndUpdate with the decoding option %j', async (options) => {
    const binary = new native.Binary(Buffer.from('b'), 0);
    await theirs.insertOne({
      _id: 4,
      bytes: binary,
      re: /x/i,
      l: Long.fromNumber(3),
      deep: { l: Long.ONE },
    });
    const filter = { _id: 4 };
    expect(await ours.findOne(filter, options)).toStrictEqual(
      await theirs.findOne(filter, options),
    );
    expect(await ours.find(filter, options).toArray()).toStrictEqual(
      await theirs.find(filter, options).toArray(),
    );
    const update = { $set: { seen: 1 } };
    expect(
      await ours.findOneAndUpdate(filter, update, { ...options, returnDocument: 'after' }),
    ).toStrictEqual(
      await theirs.findOneAndUpdate(filter, update, { ...options, returnDocument: 'after' }),
    );
    const own = clients.ours.db.collection<Thing>('things', options);
    expect(await own.findOne(filter)).toStrictEqual(await theirs.findOne(filter, options));
  });

  test('counts and distinct', async () => {
    expect(await ours.countDocuments({ n: { $gte: 2 } })).toBe(2);
    expect(await ours.countDocuments({}, { limit: 2 })).toBe(2);
    expect(await ours.estimatedDocumentCount()).toBe(3);
    expect(await ours.count({ n: 1 })).toBe(1);
    expect(await ours.distinct('tags')).toStrictEqual(['a', 'b']);
    expect(await ours.distinct('sub')).toStrictEqual(await theirs.distinct('sub'));
    expect(await ours.distinct('big')).toStrictEqual(await theirs.distinct('big'));
    expect(await ours.distinct('n', { n: { $gt: 1 } })).toStrictEqual([2, 2.5]);
  });

  test('aggregate, with a map and an explain', async () => {
    const pipeline = [
      { $unwind: '$tags' },
      { $group: { _id: '$tags', n: { $sum: '$n' } } },
      { $sort: { _id: 1 } },
    ];
    expect(await ours.aggregate(pipeline).toArray()).toStrictEqual([
      { _id: 'a', n: 1 },
      { _id: 'b', n: 3 },
    ]);
    expect(
      await ours
        .aggregate<{ _id: string }>(pipeline)
        .map(({ _id }) => _id)
        .toArray(),
    ).toStrictEqual(['a', 'b']);
    const plan = await ours.aggregate(pipeline).explain();
    expect(Object.keys(plan)).toStrictEqual(
      Object.keys(await theirs.aggregate(pipeline).explain()),
    );
  });
});

describe('collections, databases and indexes', () => {
  test('indexes are made, listed, found and dropped', async () => {
    expect(await ours.createIndex({ n: 1 }, { unique: true, sparse: true })).toBe('n_1');
    expect(
      await ours.createIndexes([{ key: { a: 1, b: -1 } }, { key: { t: 'text' }, name: 'text' }]),
    ).toStrictEqual(['a_1_b_-1', 'text']);
    expect(await ours.indexes()).toStrictEqual(await theirs.indexes());
    expect(await ours.listIndexes().toArray()).toStrictEqual(await theirs.listIndexes().toArray());
    expect(await ours.indexExists(['n_1', 'text'])).toBe(true);
    expect(await ours.indexInformation()).toStrictEqual(await theirs.indexInformation());
    expect(await ours.createIndex({ apart: 1 }, { sparse: true }, { comment: 'mine' })).toBe(
      'apart_1',
    );
    expect(
      await ours.createIndexes([{ key: { open: 1 } }], { comment: 'mine' }, true),
    ).toStrictEqual(['open_1']);
    expect(await ours.indexes()).toStrictEqual(await theirs.indexes());
    const { ok } = await ours.dropIndex('n_1');
    expect(ok).toBe(1);
    expect(await ours.dropIndexes()).toBe(true);
    expect(await theirs.indexes()).toHaveLength(1);
    expect(await clients.ours.db.collection('none').dropIndexes()).toBe(false);
  });

  test('a collection is created with its options, renamed and dropped', async () => {
    const { db } = clients.ours;
    const created = await db.createCollection('capped', { capped: true, size: 4096, max: 10 });
    expect(created).toBeInstanceOf(Collection);
    expect(await created.isCapped()).toBe(true);
    expect(await created.options()).toStrictEqual({ capped: true, size: 4096, max: 10 });
    const validated = await db.createCollection('validated', {
      validator: { n: { $type: 'int' } },
    });
    expect(await validated.options()).toStrictEqual({ validator: { n: { $type: 'int' } } });
    const renamed = await created.rename('renamed');
    expect(renamed).toBeInstanceOf(Collection);
    expect(renamed.collectionName).toBe('renamed');
    const names = (await db.listCollections().toArray()).map(({ name }) => name).sort();
    expect(names).toStrictEqual(['renamed', 'validated']);
    expect((await db.collections()).every((collection) => collection instanceof Collection)).toBe(
      true,
    );
    expect(await renamed.drop()).toBe(true);
    expect(await db.dropDatabase()).toBe(true);
  });

  test('commands, stats and the admin’s', async () => {
    const { db, client } = clients.ours;
    expect(db).toBeInstanceOf(Db);
    expect((await db.command({ ping: 1 })).ok).toBe(1);
    const exact = await db.command({ hello: 1 }, { promoteValues: false });
    expect(exact.maxWireVersion).toBeInstanceOf(Int32);
    expect((await db.stats()).db).toBe(clients.dbName);
    expect((await db.admin().listDatabases()).databases.length).toBeGreaterThan(1);
    expect((await db.admin().ping()).ok).toBe(1);
    expect((await db.admin().buildInfo()).version).toBe((await client.serverInfo()).version);
    await ours.insertOne({ n: 1 });
    expect(
      (await db
        .admin()
        .validateCollection('things')
        .catch((error: unknown) => error)) instanceof Error,
    ).toBe(
      (await clients.native.db
        .admin()
        .validateCollection('things')
        .catch((error: unknown) => error)) instanceof Error,
    );
    const cursor = db.runCursorCommand({ find: 'things', batchSize: 1 });
    expect(await cursor.toArray()).toHaveLength(1);
    expect(await db.aggregate([{ $documents: [{ a: 1 }] }]).toArray()).toStrictEqual([{ a: 1 }]);
  });

  test('libraries find all methods on the prototypes themselves', () => {
    for (const [own, driver] of [
      [Collection, native.Collection],
      [Db, native.Db],
    ] as const) {
      const names = Object.getOwnPropertyNames(own.prototype);
      expect(names).toEqual(expect.arrayContaining(Object.getOwnPropertyNames(driver.prototype)));
    }
  });
});
