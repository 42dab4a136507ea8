import { randomUUID } from 'node:crypto';
import { Readable, type Writable } from 'node:stream';
import { finished } from 'node:stream/promises';

import {
  GridFSBucket,
  type AggregationCursor,
  type ClientSession,
  type Collection,
  type Db,
  type LimitOptions,
  type MongoClient,
} from '@mongo-offload/core';
import { ObjectId, type AbstractCursor, type Document } from 'mongodb';

/** What an operation is called on. */
export interface Place {
  client: MongoClient;
  db: Db;
  /** A collection with two documents. */
  things: Collection;
  bucket: GridFSBucket;
}

/** An operation that takes limits, and how to call it. */
export interface LimitedOperation {
  /** The command that it sends, from whose answer the server can be kept. */
  sends: string;
  call(place: Place, limits: LimitOptions): Promise<unknown>;
  /** The server of the tests knows no such command. */
  unknown?: true;
  /** What it holds is held until the server answers: the worker must know what became of it, to undo it. */
  holds?: true;
  /** Ends with the command of its own, whatever becomes of it. */
  sendsAnyway?: true;
}

const name = (): string => `c${randomUUID().slice(0, 8)}`;

type Call = LimitedOperation['call'];
const on =
  (sends: string) =>
  (call: Call): LimitedOperation => ({ sends, call });

const [find, aggregate, update, insert, remove] = [
  'find',
  'aggregate',
  'update',
  'insert',
  'delete',
].map(on);
const [create, drop, listIndexes, createIndexes] = [
  'create',
  'drop',
  'listIndexes',
  'createIndexes',
].map(on);
const [listCollections, commit] = ['listCollections', 'commitTransaction'].map(on);
const unknown =
  (sends: string) =>
  (call: Call): LimitedOperation => ({ sends, call, unknown: true });

const holding = (sends: string, call: Call): LimitedOperation => ({ sends, call, holds: true });

const collection: Record<string, LimitedOperation> = {
  insertOne: insert(({ things }, limits) => things.insertOne({}, limits)),
  insertMany: insert(({ things }, limits) => things.insertMany([{}, {}], limits)),
  bulkWrite: insert(({ things }, limits) =>
    things.bulkWrite([{ insertOne: { document: {} } }], limits),
  ),
  updateOne: update(({ things }, limits) => things.updateOne({}, { $set: { a: 1 } }, limits)),
  updateMany: update(({ things }, limits) => things.updateMany({}, { $set: { a: 1 } }, limits)),
  replaceOne: update(({ things }, limits) => things.replaceOne({}, { a: 1 }, limits)),
  deleteOne: remove(({ things }, limits) => things.deleteOne({ no: 1 }, limits)),
  deleteMany: remove(({ things }, limits) => things.deleteMany({ no: 1 }, limits)),
  rename: on('renameCollection')(({ things }, limits) => things.rename(name(), limits)),
  drop: drop(({ db }, limits) => db.collection(name()).drop(limits)),
  findOne: find(({ things }, limits) => things.findOne({}, limits)),
  options: listCollections(({ things }, limits) => things.options(limits)),
  isCapped: listCollections(({ things }, limits) => things.isCapped(limits)),
  createIndex: createIndexes(({ db }, limits) => db.collection(name()).createIndex('a', limits)),
  createIndexes: createIndexes(({ db }, limits) =>
    db.collection(name()).createIndexes([{ key: { a: 1 } }], limits),
  ),
  dropIndex: on('dropIndexes')(({ db }, limits) => db.collection(name()).dropIndex('a_1', limits)),
  dropIndexes: on('dropIndexes')(({ db }, limits) => db.collection(name()).dropIndexes(limits)),
  indexExists: listIndexes(({ things }, limits) => things.indexExists('a_1', limits)),
  indexInformation: listIndexes(({ things }, limits) => things.indexInformation(limits)),
  indexes: listIndexes(({ things }, limits) => things.indexes(limits)),
  estimatedDocumentCount: on('count')(({ things }, limits) =>
    things.estimatedDocumentCount(limits),
  ),
  countDocuments: aggregate(({ things }, limits) => things.countDocuments({}, limits)),
  count: on('count')(({ things }, limits) => things.count({}, limits)),
  distinct: on('distinct')(({ things }, limits) => things.distinct('a', {}, limits)),
  findOneAndDelete: on('findAndModify')(({ things }, limits) =>
    things.findOneAndDelete({ no: 1 }, limits),
  ),
  findOneAndReplace: on('findAndModify')(({ things }, limits) =>
    things.findOneAndReplace({ no: 1 }, { a: 1 }, limits),
  ),
  findOneAndUpdate: on('findAndModify')(({ things }, limits) =>
    things.findOneAndUpdate({ no: 1 }, { $set: { a: 1 } }, limits),
  ),
  createSearchIndex: unknown('createSearchIndexes')(({ things }, limits) =>
    things.createSearchIndex({ definition: {} }, limits),
  ),
  createSearchIndexes: unknown('createSearchIndexes')(({ things }, limits) =>
    things.createSearchIndexes([{ definition: {} }], limits),
  ),
  dropSearchIndex: unknown('dropSearchIndex')(({ things }, limits) =>
    things.dropSearchIndex('a', limits),
  ),
  updateSearchIndex: unknown('updateSearchIndex')(({ things }, limits) =>
    things.updateSearchIndex('a', {}, limits),
  ),
};

const db: Record<string, LimitedOperation> = {
  createCollection: create(({ db: of }, limits) => of.createCollection(name(), limits)),
  command: on('ping')(({ db: of }, limits) => of.command({ ping: 1 }, limits)),
  stats: on('dbStats')(({ db: of }, limits) => of.stats(limits)),
  renameCollection: on('renameCollection')(({ db: of }, limits) =>
    of.renameCollection(name(), name(), limits),
  ),
  dropCollection: drop(({ db: of }, limits) => of.dropCollection(name(), limits)),
  dropDatabase: on('dropDatabase')(({ client }, limits) => client.db(name()).dropDatabase(limits)),
  collections: listCollections(({ db: of }, limits) => of.collections(limits)),
  createIndex: createIndexes(({ db: of }, limits) => of.createIndex(name(), 'a', limits)),
  removeUser: on('dropUser')(({ db: of }, limits) => of.removeUser('nobody', limits)),
  setProfilingLevel: on('profile')(({ db: of }, limits) => of.setProfilingLevel('off', limits)),
  profilingLevel: on('profile')(({ db: of }, limits) => of.profilingLevel(limits)),
  indexInformation: listIndexes(({ db: of, things }, limits) =>
    of.indexInformation(things.collectionName, limits),
  ),
};

const admin: Record<string, LimitedOperation> = {
  command: on('ping')(({ db: of }, limits) => of.admin().command({ ping: 1 }, limits)),
  buildInfo: on('buildinfo')(({ db: of }, limits) => of.admin().buildInfo(limits)),
  serverInfo: on('buildinfo')(({ db: of }, limits) => of.admin().serverInfo(limits)),
  serverStatus: on('serverStatus')(({ db: of }, limits) => of.admin().serverStatus(limits)),
  ping: on('ping')(({ db: of }, limits) => of.admin().ping(limits)),
  removeUser: on('dropUser')(({ db: of }, limits) => of.admin().removeUser('nobody', limits)),
  validateCollection: on('validate')(({ db: of, things }, limits) =>
    of.admin().validateCollection(things.collectionName, limits),
  ),
  listDatabases: on('listDatabases')(({ db: of }, limits) => of.admin().listDatabases(limits)),
  replSetGetStatus: on('replSetGetStatus')(({ db: of }, limits) =>
    of.admin().replSetGetStatus(limits),
  ),
};

/** A session in whose transaction a document was inserted. */
async function begun({ client, things }: Place): Promise<ClientSession> {
  const session = client.startSession();
  session.startTransaction();
  await things.insertOne({}, { session });
  return session;
}

async function ended(session: ClientSession, work: () => Promise<unknown>): Promise<unknown> {
  try {
    return await work();
  } finally {
    void session.endSession();
  }
}

const session: Record<string, LimitedOperation> = {
  commitTransaction: commit(async (place, limits) => {
    const own = await begun(place);
    return await ended(own, () => own.commitTransaction(limits));
  }),
  abortTransaction: {
    sends: 'abortTransaction',
    sendsAnyway: true,
    async call(place, limits) {
      const own = await begun(place);
      return await ended(own, () => own.abortTransaction(limits));
    },
  },
  withTransaction: holding('insert', async ({ client, things }, limits) => {
    const own = client.startSession();
    return await ended(own, () =>
      own.withTransaction(() => things.insertOne({}, { session: own }), limits),
    );
  }),
};

const client: Record<string, LimitedOperation> = {
  bulkWrite: unknown('bulkWrite')(({ client: of, things }, limits) =>
    of.bulkWrite([{ name: 'insertOne', namespace: things.namespace, document: {} }], limits),
  ),
  transaction: holding('insert', ({ client: of, things }, limits) =>
    of.transaction(() => things.insertOne({}), limits),
  ),
  serverInfo: on('buildinfo')(({ client: of }, limits) => of.serverInfo(limits)),
};

const bulkOperations: Record<string, LimitedOperation> = {
  'OrderedBulkOperation.execute': insert(({ things }, limits) =>
    things.initializeOrderedBulkOp().insert({}).execute(limits),
  ),
  'UnorderedBulkOperation.execute': insert(({ things }, limits) =>
    things.initializeUnorderedBulkOp().insert({}).execute(limits),
  ),
  'Collection.initializeOrderedBulkOp': insert(({ things }, limits) =>
    things.initializeOrderedBulkOp(limits).insert({}).execute(),
  ),
  'Collection.initializeUnorderedBulkOp': insert(({ things }, limits) =>
    things.initializeUnorderedBulkOp(limits).insert({}).execute(),
  ),
};

const uploaded = async (upload: Writable): Promise<void> => {
  Readable.from([Buffer.alloc(300_000)]).pipe(upload);
  await finished(upload);
};
const downloaded = async (download: Readable): Promise<unknown> => await download.toArray();
const id = new ObjectId();

const gridfs: Record<string, LimitedOperation> = {
  openUploadStream: insert(({ bucket }, limits) => uploaded(bucket.openUploadStream('a', limits))),
  openUploadStreamWithId: insert(({ bucket }, limits) =>
    uploaded(bucket.openUploadStreamWithId(new ObjectId(), 'a', limits)),
  ),
  openDownloadStream: find(({ bucket }, limits) =>
    downloaded(bucket.openDownloadStream(id, limits)),
  ),
  openDownloadStreamByName: find(({ bucket }, limits) =>
    downloaded(bucket.openDownloadStreamByName('a', limits)),
  ),
  find: find(({ bucket }, limits) => bucket.find({}, limits).toArray()),
  delete: remove(({ bucket }, limits) => bucket.delete(id, limits)),
  rename: update(({ bucket }, limits) => bucket.rename(id, 'b', limits)),
  drop: drop(({ db: of }, limits) => new GridFSBucket(of, { bucketName: name() }).drop(limits)),
};

/** The ways to read a cursor, and the operations beside its documents. */
type Reader = (cursor: Readers) => Promise<unknown>;
type Readers = AbstractCursor &
  Pick<AggregationCursor<Document>, 'toList' | 'each' | 'batches' | 'fetchNext'> & {
    explain?(): Promise<Document>;
    count?(): Promise<number>;
  };
const readers: Record<string, Reader> = {
  next: (cursor) => cursor.next(),
  tryNext: (cursor) => cursor.tryNext(),
  hasNext: (cursor) => cursor.hasNext(),
  toArray: (cursor) => cursor.toArray(),
  forEach: (cursor) => cursor.forEach(() => undefined),
  stream: (cursor) => cursor.stream().toArray(),
  toList: (cursor) => cursor.toList(),
  batches: async (cursor) => {
    for await (const batch of cursor.batches()) expect(batch).toBeDefined();
  },
  each: (cursor) =>
    new Promise((resolve, reject) => {
      void cursor.each((error, document) => {
        if (error !== null) reject(error);
        else if (document === null) resolve(undefined);
      });
    }),
};

const cursors: Record<
  string,
  [sends: string, open: (place: Place, limits: LimitOptions) => object]
> = {
  FindCursor: ['find', ({ things }, limits) => things.find({}, limits)],
  AggregationCursor: ['aggregate', ({ things }, limits) => things.aggregate([], limits)],
  ListCollectionsCursor: [
    'listCollections',
    ({ db: of }, limits) => of.listCollections({}, limits),
  ],
  ListIndexesCursor: ['listIndexes', ({ things }, limits) => things.listIndexes(limits)],
  ListSearchIndexesCursor: ['aggregate', ({ things }, limits) => things.listSearchIndexes(limits)],
  RunCommandCursor: [
    'find',
    ({ db: of, things }, limits) => of.runCursorCommand({ find: things.collectionName }, limits),
  ],
};

const made: Record<string, [of: string, open: (place: Place, limits: LimitOptions) => object]> = {
  'Collection.find': cursors.FindCursor,
  'Collection.aggregate': cursors.AggregationCursor,
  'Db.aggregate': [
    'aggregate',
    ({ client: of }, limits) =>
      of.db('admin').aggregate([{ $currentOp: {} }, { $limit: 1 }], limits),
  ],
  'Db.listCollections': cursors.ListCollectionsCursor,
  'Collection.listIndexes': cursors.ListIndexesCursor,
  'Collection.listSearchIndexes': cursors.ListSearchIndexesCursor,
  'Db.runCursorCommand': cursors.RunCommandCursor,
};

/** Streams of changes, by what they are made. */
const watched: Record<string, (place: Place, limits: LimitOptions) => ReturnType<Db['watch']>> = {
  'Collection.watch': ({ things }, limits) => things.watch([], limits),
  'Db.watch': ({ db: of }, limits) => of.watch([], limits),
  'MongoClient.watch': ({ client: of }, limits) => of.watch([], limits),
};
const streamReaders: Record<string, (stream: ReturnType<Db['watch']>) => Promise<unknown>> = {
  next: (stream) => stream.next(),
  hasNext: (stream) => stream.hasNext(),
  tryNext: (stream) => stream.tryNext(),
  stream: (stream) => stream.stream().toArray(),
};

function prefixed(
  of: string,
  operations: Record<string, LimitedOperation>,
): [string, LimitedOperation][] {
  return Object.entries(operations).map(([method, operation]) => [`${of}.${method}`, operation]);
}

/** Every operation that takes limits, by its class and method. */
export const LIMITED: Readonly<Record<string, LimitedOperation>> = Object.fromEntries([
  ...prefixed('MongoClient', client),
  ...prefixed('Db', db),
  ...prefixed('Collection', collection),
  ...prefixed('Admin', admin),
  ...prefixed('ClientSession', session),
  ...prefixed('GridFSBucket', gridfs),
  ...Object.entries(bulkOperations),
  ...Object.entries(cursors).flatMap(([of, [sends, open]]) => {
    const known = of === 'ListSearchIndexesCursor' ? { unknown: true as const } : {};
    const all = Object.entries(readers).map(([reader, read]): [string, LimitedOperation] => [
      `${of}.${reader}`,
      { sends, call: (place, limits) => read(open(place, limits) as Readers), ...known },
    ]);
    if (!/FindCursor|Aggregation|Search/.test(of)) return all;
    const call: Call = (place, limits) => (open(place, limits) as AggregationCursor).explain();
    return [...all, [`${of}.explain`, { sends: 'explain', call, ...known }] as const];
  }),
  ['FindCursor.count', on('count')(({ things }, limits) => things.find({}, limits).count())],
  ...Object.entries(made).map(([method, [sends, open]]): [string, LimitedOperation] => [
    method,
    {
      sends,
      call: (place, limits) => (open(place, limits) as AbstractCursor).next(),
      ...(method === 'Collection.listSearchIndexes' ? { unknown: true as const } : {}),
    },
  ]),
  ...Object.entries(watched).map(([method, open]): [string, LimitedOperation] => [
    method,
    aggregate((place, limits) => open(place, limits).next()),
  ]),
  ...Object.entries(streamReaders).map(([reader, read]): [string, LimitedOperation] => [
    `ChangeStream.${reader}`,
    aggregate((place, limits) => read(watched['Collection.watch'](place, limits))),
  ]),
]);

/** Methods that take no limits, by the reason. The first two reasons are those of methods that a server hears of. */
export const UNLIMITED: readonly { reason: string; listed?: true; methods: string[] }[] = [
  {
    reason: 'frees what is held, and is what the others end with',
    listed: true,
    methods: [
      'MongoClient.close',
      '*Cursor.close',
      'ChangeStream.close',
      'ClientSession.endSession',
    ],
  },
  {
    reason: 'calls your function: the operations in it take theirs',
    listed: true,
    methods: ['MongoClient.withSession'],
  },
  {
    reason: 'has `timeoutMS` and `signal` of its own',
    listed: true,
    methods: ['MongoClient.waitUntilReady'],
  },
  {
    reason: 'sends nothing: makes or changes an object of the main thread',
    methods: [
      'MongoClient.db',
      'MongoClient.startSession',
      'MongoClient.appendMetadata',
      'MongoClient.checkForNonGenuineHosts',
      'Db.admin',
      'Db.collection',
      'ClientSession.startTransaction',
      'ClientSession.advanceClusterTime',
      'ClientSession.advanceOperationTime',
      'ClientSession.equals',
      'ClientSession.inTransaction',
      'ClientSession.incrementTransactionNumber',
      'ClientSession.pin',
      'ClientSession.unpin',
      'ClientSession.toBSON',
      'ChangeStream.bufferedCount',
      '*BulkOperation.addToOperationsList',
      '*BulkOperation.find',
      '*BulkOperation.insert',
      '*BulkOperation.raw',
      '*BulkOperation.handleWriteError',
      '*BulkOperation.shouldForceServerObjectId',
      ...[
        'addCursorFlag',
        'addStage',
        'addQueryModifier',
        'allowDiskUse',
        'batchSize',
        'bufferedCount',
        'clone',
        'collation',
        'comment',
        'filter',
        'geoNear',
        'group',
        'hint',
        'limit',
        'lookup',
        'map',
        'match',
        'max',
        'maxAwaitTimeMS',
        'maxTimeMS',
        'min',
        'nextObject',
        'out',
        'project',
        'readBufferedDocuments',
        'redact',
        'returnKey',
        'rewind',
        'setBatchSize',
        'setComment',
        'setMaxTimeMS',
        'showRecordId',
        'skip',
        'sort',
        'trackCursor',
        'unwind',
        'withReadConcern',
        'withReadPreference',
      ].map((method) => `*Cursor.${method}`),
    ],
  },
  {
    reason: 'is a part of the driver’s that its public methods are made of',
    methods: [
      ...['cleanup', 'cursorInit', 'emitClose', 'fetchBatch', 'getMore'].map((m) => `*Cursor.${m}`),
      ...['resolveExplainTimeoutOptions', 'throwIfInitialized', 'transformDocument'].map(
        (m) => `*Cursor.${m}`,
      ),
    ],
  },
];
