import type * as core from '@mongo-offload/core';

// Every operation takes the same limits, where the driver's types have none as well.

declare const client: core.MongoClient;
declare const db: core.Db;
declare const things: core.Collection<{ a: number }>;
declare const session: core.ClientSession;
declare const bucket: core.GridFSBucket;
declare const id: core.ObjectId;

const limits: core.LimitOptions = { signal: AbortSignal.timeout(100), deadlineMS: 100 };
const all = { ...limits, offload: { flatStrings: true } };

void client.connect(limits);
void client.serverInfo(limits);
void client.bulkWrite([{ name: 'deleteOne', namespace: 'a.b', filter: {} }], all);
void client.transaction(async () => undefined, limits);
void client.watch([], all);

void db.command({ ping: 1 }, all);
void db.createCollection('a', all);
void db.collections(all);
void db.dropDatabase(all);
void db.stats(all);
void db.aggregate([], all).toArray();
void db.listCollections({}, all).toArray();
void db.runCursorCommand({ find: 'a' }, all).toArray();
void db.watch([], all);
void db.admin().command({ ping: 1 }, all);
void db.admin().listDatabases(all);

void things.insertMany([{ a: 1 }], all);
void things.bulkWrite([{ insertOne: { document: { a: 1 } } }], all);
void things.initializeOrderedBulkOp(all).execute(all);
void things.updateOne({}, { $set: { a: 1 } }, all);
void things.findOneAndUpdate({}, { $set: { a: 1 } }, all);
void things.findOne({}, all);
void things.find({}, all).toArray();
void things.find().count(all);
void things.find().explain('queryPlanner', limits);
void things.aggregate([], all).explain(limits);
void things.distinct('a', {}, all);
void things.countDocuments({}, all);
void things.estimatedDocumentCount(all);
void things.createIndex('a', all);
void things.createIndexes([{ key: { a: 1 } }], all);
void things.listIndexes(all).toArray();
void things.indexes(all);
void things.rename('b', all);
void things.drop(all);
void things.createSearchIndex({ definition: {} }, limits);
void things.createSearchIndexes([{ definition: {} }], limits);
void things.updateSearchIndex('a', {}, limits);
void things.dropSearchIndex('a', limits);
void things.listSearchIndexes(all).toArray();
void things.watch([], all);

void session.commitTransaction(limits);
void session.abortTransaction(limits);
void session.withTransaction(async () => undefined, limits);

bucket.openUploadStream('a', limits);
bucket.openUploadStreamWithId(id, 'a', limits);
bucket.openDownloadStream(id, limits);
bucket.openDownloadStreamByName('a', limits);
void bucket.find({}, all).toArray();
void bucket.delete(id, limits);
void bucket.rename(id, 'a', limits);
void bucket.drop(limits);

// @ts-expect-error a deadline is a number
void things.insertOne({ a: 1 }, { deadlineMS: 'soon' });
// @ts-expect-error a signal is no controller
void things.insertOne({ a: 1 }, { signal: new AbortController() });
// @ts-expect-error no option of an operation has this name
void things.insertOne({ a: 1 }, { offload: { flatStrnigs: true } });
