import * as core from '@mongo-offload/core';
import * as native from 'mongodb';
import * as driver6 from 'mongodb-6';

import { openClients, uri, type Clients } from '../../support/clients';

/* What programs and libraries were found to expect of the driver, beside what it documents. */

let clients: Clients;
beforeAll(() => (clients = openClients()));
afterAll(async () => await clients.close());

/* eslint-disable @typescript-eslint/no-explicit-any -- much of what is read here has no types */
/* eslint-disable @typescript-eslint/no-require-imports -- as libraries do, by path */

interface Both {
  client: native.MongoClient;
  db: native.Db;
}

/** The same done with the driver and with us; gives what each came to. */
async function both<T>(action: (side: Both) => T | Promise<T>): Promise<[ours: T, theirs: T]> {
  const ours = await action(clients.ours);
  const theirs = await action(clients.native);
  return [ours, theirs];
}

async function expectSame(action: (side: Both) => unknown): Promise<void> {
  const [ours, theirs] = await both(action);
  expect(ours).toStrictEqual(theirs);
}

function ownNames(of: object): string[] {
  return Object.getOwnPropertyNames(of);
}

describe('classes', () => {
  const names = Object.keys(native).filter((name) => {
    const value: unknown = (native as Record<string, unknown>)[name];
    return typeof value === 'function' && value !== (core as Record<string, unknown>)[name];
  });

  test('are replaced where they talk to the server', () => {
    expect(names).toEqual(
      expect.arrayContaining([
        'MongoClient',
        'Db',
        'Collection',
        'FindCursor',
        'AggregationCursor',
      ]),
    );
  });

  test.each(names)('%s owns every method that a library may copy, and keeps its name', (name) => {
    const ours = (core as Record<string, any>)[name];
    const theirs = (native as Record<string, any>)[name];
    expect(ownNames(ours.prototype)).toEqual(expect.arrayContaining(ownNames(theirs.prototype)));
    expect(ours.name).toBe(theirs.name);
    expect(ours.prototype.constructor).toBe(ours);
    expect(ours.prototype).toBeInstanceOf(theirs);
    for (const method of ownNames(theirs.prototype)) {
      const { value } = Object.getOwnPropertyDescriptor(theirs.prototype, method)!;
      if (typeof value !== 'function' || method === 'constructor') continue;
      expect([method, typeof ours.prototype[method]]).toStrictEqual([method, 'function']);
    }
  });

  test('have the driver’s arity: libraries ask how many arguments a method takes', () => {
    for (const name of ['MongoClient', 'Db', 'Collection'] as const) {
      for (const method of ownNames(native[name].prototype)) {
        const { value } = Object.getOwnPropertyDescriptor(native[name].prototype, method)!;
        if (typeof value !== 'function' || method === 'constructor') continue;
        const ours = (core[name].prototype as any)[method];
        expect([name, method, ours.length]).toStrictEqual([name, method, value.length]);
      }
    }
  });

  test('BSON has one identity, by path as well', () => {
    for (const name of ['ObjectId', 'Long', 'Decimal128', 'Binary', 'UUID', 'BSON'] as const) {
      expect(core[name]).toBe(native[name]);
    }
    expect(require('mongodb/lib/bson').ObjectId).toBe(core.ObjectId);
    expect(require('mongodb/lib/bulk/common').BulkWriteResult).toBeDefined();
    expect(core.MongoServerError).toBe(native.MongoServerError);
  });
});

describe('objects', () => {
  test('are neither thenable nor callable, and can be extended', async () => {
    const { client, db } = clients.ours;
    const collection = db.collection('objects');
    const session = client.startSession();
    const stream = collection.watch();
    const objects = {
      client,
      db,
      collection,
      session,
      stream,
      find: collection.find(),
      aggregate: db.aggregate([]),
    };
    for (const [name, object] of Object.entries(objects)) {
      expect([name, typeof object, typeof (object as any).then]).toStrictEqual([
        name,
        'object',
        'undefined',
      ]);
      expect([name, Object.isExtensible(object)]).toStrictEqual([name, true]);
      (object as any).hung = name;
      expect((object as any).hung).toBe(name);
      // Frameworks await what a factory gives them.
      // eslint-disable-next-line @typescript-eslint/await-thenable -- see above
      expect(await object).toBe(object);
    }
    await stream.close();
    await session.endSession();
  });

  test('their methods can be replaced: `db.close = …`, and spies', async () => {
    const { db } = clients.ours;
    (db as any).close = () => 'closed';
    expect((db as any).close()).toBe('closed');
    const collection = db.collection('objects');
    const spy = jest.spyOn(collection, 'findOne');
    await collection.findOne({});
    expect(spy).toHaveBeenCalledTimes(1);
    const { findOne } = core.Collection.prototype;
    core.Collection.prototype.findOne = jest.fn(async () => 'wrapped') as any;
    expect(await db.collection('objects').findOne({})).toBe('wrapped');
    core.Collection.prototype.findOne = findOne;
  });
});

describe('read synchronously', () => {
  test('before anything is connected', async () => {
    const ours = new core.MongoClient(uri(), { appName: 'x', maxPoolSize: 7 });
    const theirs = new native.MongoClient(uri(), { appName: 'x', maxPoolSize: 7 });
    const seen = (client: native.MongoClient): unknown => {
      const { s, topology } = client as any;
      const { options } = client;
      return {
        url: s.url,
        namespace: s.namespace.toString(),
        optionsAreOptions: s.options === options,
        topology,
        hosts: options.hosts.map(String),
        options: [options.appName, options.maxPoolSize, options.dbName, options.replicaSet],
        concerns: [client.readConcern, client.writeConcern, client.readPreference.mode],
        bson: client.bsonOptions,
        timeoutMS: client.timeoutMS,
        sameDb: client.db('a').databaseName,
      };
    };
    expect(seen(ours)).toStrictEqual(seen(theirs));
    await Promise.all([ours.close(), theirs.close()]);
  });

  test('the topology, once connected', async () => {
    await expectSame(async ({ client }) => {
      await client.connect();
      const { topology } = client as any;
      const { description } = topology;
      return {
        type: topology.s.description.type,
        heartbeat: topology.s.description.heartbeatFrequencyMS,
        same: topology.s.description === topology.description,
        class: description.constructor.name,
        servers: [...description.servers.keys()],
        server: [...description.servers.values()].map((server: any) => [
          server.type,
          server.constructor.name,
        ]),
        setName: description.setName,
        sessions: topology.hasSessionSupport?.(),
        connected: topology.isConnected(),
        last: topology.lastHello?.().setName,
      };
    });
  });

  test('what a database and a collection belong to', async () => {
    await expectSame(({ db, client }) => {
      const collection = db.collection('a', { readPreference: 'secondary' }) as any;
      return {
        db: collection.s.db === db,
        client: [(db as any).client === client, collection.client === client],
        names: [
          collection.collectionName,
          collection.namespace,
          collection.dbName,
          collection.s.namespace.toString(),
        ],
        preference: collection.readPreference.mode,
        hint: collection.hint,
        timeout: collection.timeoutMS,
      };
    });
  });

  test('a session and its transaction', async () => {
    await expectSame(async ({ client, db }) => {
      const session = client.startSession() as any;
      const seen: unknown[] = [
        session.hasEnded,
        session.inTransaction(),
        session.transaction.state,
      ];
      const before = session.serverSession.lastUse;
      await new Promise((resolve) => setTimeout(resolve, 5));
      await db.collection('a').findOne({}, { session });
      seen.push(
        session.serverSession.lastUse > before,
        session.serverSession.isDirty,
        typeof session.id?.id,
      );
      session.startTransaction();
      seen.push(
        session.inTransaction(),
        session.transaction.isActive,
        session.serverSession.txnNumber,
      );
      await session.abortTransaction();
      seen.push(session.inTransaction(), session.transaction.state, session.snapshotEnabled);
      seen.push(session.operationTime !== undefined, session.clusterTime !== undefined);
      await session.endSession();
      return [...seen, session.hasEnded];
    });
  });
});

describe('documents', () => {
  class List extends Array<unknown> {
    extra = 'not stored';
  }
  class Dictionary extends Map<string, unknown> {}
  class Bytes extends Buffer {}
  class Point {
    #hidden = 1;
    constructor(
      readonly x: number,
      readonly y: number,
    ) {}
    get sum(): number {
      return this.#hidden + this.x + this.y;
    }
  }
  class Money {
    constructor(readonly cents: number) {}
    toBSON(): unknown {
      return { cents: this.cents, currency: 'EUR' };
    }
  }
  const make = (): native.Document => ({
    _id: 1,
    list: List.from([1, 'two', { three: 3 }]),
    dictionary: new Dictionary([
      ['a', 1],
      ['b', new Money(2)],
    ]),
    map: new Map<string, unknown>([['nested', new Map([['deep', true]])]]),
    bytes: Object.setPrototypeOf(Buffer.from('bytes'), Bytes.prototype),
    typed: new Uint8Array([1, 2, 3]),
    point: new Point(1, 2),
    money: new Money(500),
    bare: Object.assign(Object.create(null), { a: 1 }),
    inherited: Object.create({ no: 1 }, { yes: { value: 1, enumerable: true } }),
    date: new Date(0),
    expression: /a.b/gi,
    undefined: undefined,
    symbol: Symbol('s'),
    function: () => 1,
    big: 12345678901234567890n & 0x7fffffffffffffffn,
    numbers: [0, -0, 1.5, NaN, Infinity, 2 ** 31, 2 ** 53],
    wrappers: [new Number(1), new String('s'), new Boolean(false)],
    oid: new native.ObjectId('0123456789abcdef01234567'),
    long: native.Long.fromString('9007199254740993'),
    ref: new native.DBRef('c', new native.ObjectId('0123456789abcdef01234567')),
    nothing: null,
  });

  test.each([{}, { ignoreUndefined: true }, { serializeFunctions: true }])(
    'of classes, subclasses and with toBSON are stored as the driver stores them (%j)',
    async (options) => {
      await expectSame(async ({ db }) => {
        const collection = db.collection<any>('documents', options);
        await collection.deleteMany({});
        await collection.insertOne(make());
        await collection.insertMany([{ ...make(), _id: 2 }]);
        await collection.replaceOne({ _id: 3 }, { ...make(), _id: 3 }, { upsert: true });
        await collection.updateOne({ _id: 4 }, { $set: { ...make(), _id: 4 } }, { upsert: true });
        const stored = await clients.native.db
          .collection('documents')
          .find({}, { raw: true })
          .sort({ _id: 1 })
          .toArray();
        return stored.map((bytes) =>
          Buffer.from(bytes as unknown as Uint8Array).toString('latin1'),
        );
      });
    },
  );

  test('get their _id on the caller’s object, as soon as the call is made', async () => {
    const collection = clients.ours.db.collection<any>('ids');
    const one: any = { a: 1 };
    const many: any[] = [{ a: 2 }, { a: 3, _id: 'own' }];
    const inserting = [collection.insertOne(one), collection.insertMany(many)];
    expect(one._id).toBeInstanceOf(native.ObjectId);
    expect(many.map(({ _id }) => typeof _id)).toStrictEqual(['object', 'string']);
    await Promise.all(inserting);
    expect(Object.keys(one)).toStrictEqual(['a', '_id']);
    expect(await collection.findOne({ a: 1 })).toStrictEqual(one);
    const frozen = Object.freeze({ a: 4 });
    await expectSame(
      async ({ db }) =>
        await db
          .collection('ids')
          .insertOne(frozen)
          .then(() => 'inserted', String),
    );
  });

  test('changed after the call are stored as they were at the call', async () => {
    await expectSame(async ({ db }) => {
      const collection = db.collection<any>('changed');
      await collection.deleteMany({});
      const document: any = { _id: 1, a: 'before' };
      const inserting = collection.insertMany([document]);
      await inserting;
      document.a = 'after';
      return await collection.findOne({});
    });
  });

  test('with w: 0 are not waited for', async () => {
    await expectSame(async ({ db }) => {
      const collection = db.collection<any>('unacknowledged', { writeConcern: { w: 0 } });
      const results: any[] = [
        await collection.insertOne({ _id: 1 }),
        await collection.insertOne({ _id: 1 }),
        await collection.updateOne({ _id: 1 }, { $set: { a: 1 } }),
        await collection.deleteMany({ none: 1 }),
      ];
      return results;
    });
  });
});

describe('options', () => {
  test('may carry what is not the driver’s: functions, symbols, whole objects of a library’s', async () => {
    await expectSame(async ({ db, client }) => {
      const collection = db.collection<any>('options');
      await collection.deleteMany({});
      const circular: any = { name: 'circular' };
      circular.self = circular;
      const foreign: any = {
        lean: true,
        strict: false,
        callback: () => undefined,
        [Symbol('s')]: 1,
        symbol: Symbol('t'),
        circular,
        client,
        populate: { path: 'x', model: class Model {} },
        session: null,
        writeConcern: undefined,
        readPreference: undefined,
      };
      return [
        (await collection.insertOne({ _id: 1, a: 1 }, { ...foreign })).insertedId,
        (await collection.insertMany([{ _id: 2 }], { ...foreign })).insertedIds,
        await collection.findOne({ _id: 1 }, { ...foreign }),
        await collection
          .find({}, { ...foreign })
          .sort({ _id: 1 })
          .toArray(),
        await collection.updateOne({ _id: 1 }, { $set: { a: 2 } }, { ...foreign }),
        await collection.findOneAndUpdate(
          { _id: 1 },
          { $inc: { a: 1 } },
          { ...foreign, returnDocument: 'after' },
        ),
        await collection.countDocuments({}, { ...foreign }),
        await collection.distinct('_id', {}, { ...foreign }),
        await collection.aggregate([{ $sort: { _id: 1 } }], { ...foreign }).toArray(),
        await collection
          .bulkWrite([{ deleteOne: { filter: { _id: 2 } } }], { ...foreign })
          .then(({ deletedCount }) => deletedCount),
        Object.keys(foreign).length,
      ];
    });
  });

  test('are left as they were given', async () => {
    const options = Object.freeze({
      sort: Object.freeze({ a: 1 }),
      projection: Object.freeze({ a: 1 }),
    });
    const filter = Object.freeze({ a: Object.freeze({ $gt: 0 }) });
    await expectSame(
      async ({ db }) => await db.collection('options').find(filter, options).toArray(),
    );
  });

  test('collations, hints, comments, concerns and preferences of every form cross', async () => {
    await expectSame(async ({ db }) => {
      const collection = db.collection<any>('options');
      const preferences = [
        'primaryPreferred',
        native.ReadPreference.primary,
        new native.ReadPreference('nearest'),
      ];
      await collection.deleteMany({});
      await collection.insertOne({ _id: 1 });
      const results: unknown[] = [];
      for (const readPreference of preferences) {
        results.push(
          await collection.findOne({}, {
            readPreference,
            readConcern: { level: 'local' },
            collation: { locale: 'de', strength: 1 },
            hint: '_id_',
            comment: { why: 'test' },
          } as native.FindOptions),
        );
      }
      results.push(
        await collection.updateMany(
          {},
          { $set: { b: 1 } },
          { writeConcern: new native.WriteConcern('majority', 1000) },
        ),
      );
      return results;
    });
  });
});

describe('order', () => {
  test('a change stream that is not waited for sees the insert that follows it, once it is open', async () => {
    for (const { db } of [clients.ours, clients.native]) {
      const collection = db.collection<any>('watched');
      await collection.insertOne({ _id: 0 });
      const stream = collection.watch();
      const seen = new Promise<any>((resolve) => stream.once('change', resolve));
      await new Promise((resolve) => stream.once('resumeTokenChanged', resolve));
      await collection.insertOne({ _id: 1 });
      expect((await seen).fullDocument).toStrictEqual({ _id: 1 });
      await stream.close();
      await collection.drop();
    }
  });

  test('nobody calls connect() first, and the first calls may be many', async () => {
    const client = new core.MongoClient(uri());
    const collection = client.db(clients.dbName).collection<any>('first');
    const inserted = await Promise.all(
      Array.from({ length: 20 }, (_, _id) => collection.insertOne({ _id })),
    );
    expect(inserted.map(({ insertedId }) => insertedId)).toStrictEqual([...inserted.keys()]);
    expect(await collection.countDocuments()).toBe(20);
    await client.close();
  });
});

describe('errors', () => {
  test('carry what programs read', async () => {
    await expectSame(async ({ db }) => {
      const collection = db.collection<any>('errors');
      await collection.deleteMany({});
      await db
        .command({ create: 'validated', validator: { a: { $type: 'int' } } })
        .catch(() => undefined);
      await collection.insertOne({ _id: 1 });
      const seen: unknown[] = [];
      const failing = [
        () => collection.insertOne({ _id: 1 }),
        () => collection.insertMany([{ _id: 2 }, { _id: 1 }]),
        () => collection.bulkWrite([{ insertOne: { document: { _id: 1 } } }]),
        () => db.collection<any>('validated').insertOne({ _id: 1, a: 'text' }),
        () => collection.findOneAndUpdate({ _id: 5 }, { $set: { _id: 1 } }, { upsert: true }),
      ];
      for (const fail of failing) {
        const error: any = await fail().then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        expect(error).toBeInstanceOf(native.MongoServerError);
        expect(error).toBeInstanceOf(Error);
        const {
          code,
          codeName,
          keyPattern,
          keyValue,
          errInfo,
          index,
          errorLabels,
          writeErrors,
          name,
          message,
        } = error;
        seen.push({
          code,
          codeName,
          keyPattern,
          keyValue,
          errInfo,
          index,
          errorLabels,
          name,
          message,
        });
        seen.push(
          [writeErrors ?? []]
            .flat()
            .map((e: any) => [e.index, e.code, e.errmsg, e.constructor.name]),
        );
        seen.push(error.hasErrorLabel('RetryableWriteError'));
      }
      return seen;
    });
  });
});

test('the driver in two versions at once: each keeps its own classes', async () => {
  const six = new driver6.MongoClient(uri());
  const theirs = six.db(clients.dbName).collection<any>('versions');
  const ours = clients.ours.db.collection<any>('versions');
  await theirs.insertOne({ _id: 1, oid: new driver6.ObjectId() });
  await ours.insertOne({ _id: 2, oid: new core.ObjectId() });
  expect((await ours.findOne({ _id: 1 })).oid).toBeInstanceOf(core.ObjectId);
  expect((await theirs.findOne({ _id: 2 })).oid).toBeInstanceOf(driver6.ObjectId);
  // The driver refuses values of another major version's, here as there.
  await expectSame(
    async ({ db }) =>
      await db
        .collection<any>('versions')
        .insertOne({ oid: new driver6.ObjectId() })
        .then(
          () => 'inserted',
          (error: unknown) => String(error),
        ),
  );
  await six.close();
});
