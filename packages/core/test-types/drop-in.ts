import { expectTypeOf } from 'expect-type';
import * as core from '@mongo-offload/core';
import type * as driver from 'mongodb';

// What is ours can be given to whatever is typed for the driver's.

interface Pet {
  _id: driver.ObjectId;
  name: string;
  age?: number;
  tags: string[];
  owner: { name: string; since: Date };
}

declare const client: core.MongoClient;
declare const db: core.Db;
declare const pets: core.Collection<Pet>;
declare const session: core.ClientSession;

declare function takesClient(client: driver.MongoClient): void;
declare function takesDb(db: driver.Db): void;
declare function takesCollection<T extends driver.Document>(of: driver.Collection<T>): T;
declare function takesPets(of: driver.Collection<Pet>): void;
declare function takesFind<T>(cursor: driver.FindCursor<T>): T;
declare function takesAny<T>(cursor: driver.AbstractCursor<T>): T;
declare function takesAggregation<T>(cursor: driver.AggregationCursor<T>): T;
declare function takesStream(stream: driver.ChangeStream<Pet>): void;
declare function takesSession(session: driver.ClientSession): void;
declare function takesAdmin(admin: driver.Admin): void;
declare function takesBulk(bulk: driver.OrderedBulkOperation | driver.UnorderedBulkOperation): void;

takesClient(client);
takesDb(db);
takesDb(client.db());
takesPets(pets);
expectTypeOf(takesCollection(pets)).toEqualTypeOf<Pet>();
expectTypeOf(takesFind(pets.find())).toEqualTypeOf<driver.WithId<Pet>>();
expectTypeOf(takesAny(pets.find())).toEqualTypeOf<driver.WithId<Pet>>();
expectTypeOf(takesAggregation(pets.aggregate<{ n: number }>([]))).toEqualTypeOf<{ n: number }>();
takesStream(pets.watch());
takesSession(session);
takesSession(client.startSession());
takesAdmin(db.admin());
takesBulk(pets.initializeOrderedBulkOp());
takesBulk(pets.initializeUnorderedBulkOp());
new core.GridFSBucket(db, { bucketName: 'files' });
new core.ClientEncryption(client, { keyVaultNamespace: 'a.b', kmsProviders: {} });

// The other way round, our classes come out of our methods, not the driver's.
expectTypeOf(client.db()).toEqualTypeOf<core.Db>();
expectTypeOf(db.collection<Pet>('pets')).toEqualTypeOf<core.Collection<Pet>>();
expectTypeOf(db.collection('pets')).toEqualTypeOf<core.Collection>();
expectTypeOf(pets.find()).toEqualTypeOf<core.FindCursor<driver.WithId<Pet>>>();
expectTypeOf(db.aggregate()).toEqualTypeOf<core.AggregationCursor<core.Document>>();
expectTypeOf(db.aggregate().addStage<Pet>({})).toEqualTypeOf<core.AggregationCursor<Pet>>();
expectTypeOf(db.aggregate().group<Pet>({})).toEqualTypeOf<core.AggregationCursor<Pet>>();
expectTypeOf(db.aggregate().project<Pet>({})).toEqualTypeOf<core.AggregationCursor<Pet>>();
expectTypeOf(db.createCollection<Pet>('pets')).resolves.toEqualTypeOf<core.Collection<Pet>>();
expectTypeOf(db.collections()).resolves.toEqualTypeOf<core.Collection[]>();
expectTypeOf(db.renameCollection<Pet>('a', 'b')).resolves.toEqualTypeOf<core.Collection<Pet>>();
expectTypeOf(pets.rename('b')).resolves.toEqualTypeOf<core.Collection>();
expectTypeOf(pets.db).toEqualTypeOf<core.Db>();
expectTypeOf(db.client).toEqualTypeOf<core.MongoClient>();
expectTypeOf(
  core.MongoClient.connect('', { offload: { workers: 2 } }),
).resolves.toEqualTypeOf<core.MongoClient>();
expectTypeOf(
  client.withSession(async (own) => {
    expectTypeOf(own).toEqualTypeOf<core.ClientSession>();
    return await own.withTransaction(
      async (same) => {
        expectTypeOf(same).toEqualTypeOf<core.ClientSession>();
        return 1;
      },
      { deadlineMS: 1_000 },
    );
  }),
).resolves.toEqualTypeOf<number>();
declare const inSession: driver.WithSessionCallback<number>;
declare const inTransaction: driver.WithTransactionCallback<number>;
expectTypeOf(client.withSession(inSession)).resolves.toEqualTypeOf<number>();
expectTypeOf(client.withSession({ snapshot: true }, inSession)).resolves.toEqualTypeOf<number>();
expectTypeOf(session.withTransaction(inTransaction)).resolves.toEqualTypeOf<number>();
expectTypeOf(client.connect()).resolves.toEqualTypeOf<core.MongoClient>();

// A class of the program's own.
class Store {
  constructor(
    readonly client: driver.MongoClient,
    readonly pets: driver.Collection<Pet> = client.db().collection<Pet>('pets'),
  ) {}
}
new Store(client);
new Store(client, pets);

class TracingClient extends core.MongoClient {
  override db(name?: string, options?: driver.DbOptions): core.Db {
    return super.db(name, options);
  }
}
takesClient(new TracingClient('mongodb://localhost'));

// Values have one identity: those of both packages mix.
expectTypeOf<core.ObjectId>().toEqualTypeOf<driver.ObjectId>();
expectTypeOf<core.MongoServerError>().toEqualTypeOf<driver.MongoServerError>();
expectTypeOf<core.Filter<Pet>>().toEqualTypeOf<driver.Filter<Pet>>();
expectTypeOf<core.WithId<Pet>>().toEqualTypeOf<driver.WithId<Pet>>();
const id: driver.ObjectId = new core.ObjectId();
void pets.findOne({ _id: id });

// Options: the driver's, and ours under one key.
new core.MongoClient('mongodb://localhost', { maxPoolSize: 5, offload: { workers: 2 } });
declare const driverOptions: driver.MongoClientOptions;
new core.MongoClient('mongodb://localhost', driverOptions);
// @ts-expect-error there is no such option
new core.MongoClient('mongodb://localhost', { offload: { workrs: 2 } });
// @ts-expect-error nor one of the driver's
new core.MongoClient('mongodb://localhost', { maxPoolsize: 5 });
new core.MongoClient('mongodb://localhost', {
  offload: { maxInFlight: 100, maxQueued: 0, closeGraceMS: 5_000 },
});
// @ts-expect-error a number of operations
new core.MongoClient('mongodb://localhost', { offload: { maxInFlight: '100' } });
declare const overloaded: core.OverloadedError;
expectTypeOf(overloaded).toExtend<driver.MongoError>();
expectTypeOf(overloaded.inFlight).toEqualTypeOf<number>();
expectTypeOf(overloaded.queued).toEqualTypeOf<number>();

// Transactions.
expectTypeOf(
  client.transaction(async (joined) => {
    expectTypeOf(joined).toEqualTypeOf<core.ClientSession>();
    await pets.findOne({}, { session: core.NO_SESSION });
    return await pets.countDocuments();
  }),
).resolves.toEqualTypeOf<number>();
void client.transaction(async () => undefined, { readConcern: { level: 'snapshot' } });
// @ts-expect-error the function gives a promise
void client.transaction(() => 1);
new core.MongoClient('mongodb://localhost', {
  offload: { ambientTransactions: true, forgottenSession: 'error' },
});
// @ts-expect-error there is no such choice
new core.MongoClient('mongodb://localhost', { offload: { forgottenSession: 'loud' } });
expectTypeOf<core.OffloadOptions['forgottenSession']>().toEqualTypeOf<
  core.ForgottenSession | undefined
>();
expectTypeOf<core.TransactionEndedError>().toExtend<driver.MongoTransactionError>();
expectTypeOf<core.ForgottenSessionError>().toExtend<driver.MongoTransactionError>();
expectTypeOf(session.withTransaction(async () => 1)).resolves.toEqualTypeOf<number>();
