import type { Collection, Db, Document, MongoClient } from 'mongodb';

/* eslint-disable @typescript-eslint/no-explicit-any -- arguments that the types refuse */

/** The objects of an operation: a collection with two documents, its database and its client. */
export interface Called {
  client: MongoClient;
  db: Db;
  things: Collection<any>;
}

/** A place in the arguments of an operation, and the call with a value in it. */
export type Place = (on: Called, value: any) => unknown;

/** Options that every operation passes to the server, and one that no operation knows. */
const COMMON = ['comment', 'readConcern', 'writeConcern', 'maxTimeMS', 'mine'];

type Operation = (on: Called, first: any, second: any, options: any) => unknown;

const filter = { a: 1 };
const BY_DEFAULT = Symbol('what stands there by default');

interface Plan {
  call: Operation;
  /** The default of each positional argument, and the arguments inside which the value is put. */
  args?: [first: (value: any) => any, second?: (value: any) => any];
  defaults?: [first: any, second?: any];
  options?: string[];
}

const inside = (value: any): any => ({ a: value });
const inOperator = (value: any): any => ({ $set: { b: value } });

const FIND = ['sort', 'projection', 'hint', 'let', 'min', 'max', 'collation', 'batchSize', 'limit'];
const UPDATE = ['collation', 'hint', 'let', 'arrayFilters', 'upsert', 'sort'];
const INDEX = ['partialFilterExpression', 'collation', 'weights', 'name', 'storageEngine', 'min'];
const AGGREGATE = ['collation', 'hint', 'let', 'out', 'cursor', 'allowDiskUse'];

const PLANS: Record<string, Plan> = {
  'collection.insertOne': {
    call: ({ things }, a, _, o) => things.insertOne(a, o),
    args: [inside],
    defaults: [{}],
    options: ['bypassDocumentValidation'],
  },
  'collection.insertMany': {
    call: ({ things }, a, _, o) => things.insertMany(a, o),
    args: [(value) => [{ b: 1 }, { a: value }]],
    defaults: [[{}]],
    options: ['ordered', 'bypassDocumentValidation'],
  },
  'collection.bulkWrite': {
    call: ({ things }, a, _, o) => things.bulkWrite(a, o),
    args: [(value) => [{ insertOne: { document: { a: value } } }]],
    defaults: [[{ insertOne: { document: {} } }]],
    options: ['let', 'ordered'],
  },
  'collection.bulkWrite update': {
    call: ({ things }, a, _, o) => things.bulkWrite(a, o),
    args: [(value) => [{ updateOne: { filter: { a: value }, update: { $set: { b: 1 } } } }]],
    defaults: [[{ updateOne: { filter, update: { $set: { b: 1 } } } }]],
    options: ['let'],
  },
  'collection.bulkWrite delete': {
    call: ({ things }, a, _, o) => things.bulkWrite(a, o),
    args: [(value) => [{ deleteOne: { filter, collation: value, hint: value } }]],
    defaults: [[{ deleteOne: { filter } }]],
  },
  'collection.initializeOrderedBulkOp': {
    call: ({ things }, a, b, o) => {
      const bulk = things.initializeOrderedBulkOp(o);
      bulk.insert(a);
      bulk.find(b).updateOne({ $set: { c: 1 } });
      return bulk.execute();
    },
    args: [inside, inside],
    defaults: [{}, filter],
    options: ['let'],
  },
  'collection.initializeUnorderedBulkOp': {
    call: ({ things }, a, b, o) => {
      const bulk = things.initializeUnorderedBulkOp();
      bulk.find(a).delete();
      bulk.find(filter).update(b);
      return bulk.execute(o);
    },
    args: [inside, inOperator],
    defaults: [filter, { $set: { b: 1 } }],
  },
  'collection.updateOne': {
    call: ({ things }, a, b, o) => things.updateOne(a, b, o),
    args: [inside, inOperator],
    defaults: [filter, { $set: { b: 1 } }],
    options: UPDATE,
  },
  'collection.updateMany': {
    call: ({ things }, a, b, o) => things.updateMany(a, b, o),
    args: [inside, (value) => [{ $set: { b: value } }]],
    defaults: [filter, { $set: { b: 1 } }],
    options: UPDATE,
  },
  'collection.replaceOne': {
    call: ({ things }, a, b, o) => things.replaceOne(a, b, o),
    args: [inside, inside],
    defaults: [filter, { a: 1 }],
    options: UPDATE,
  },
  'collection.deleteOne': {
    call: ({ things }, a, _, o) => things.deleteOne(a, o),
    args: [inside],
    defaults: [{ none: 1 }],
    options: ['collation', 'hint', 'let'],
  },
  'collection.deleteMany': {
    call: ({ things }, a, _, o) => things.deleteMany(a, o),
    args: [inside],
    defaults: [{ none: 1 }],
    options: ['collation', 'hint', 'let'],
  },
  'collection.findOne': {
    call: ({ things }, a, _, o) => things.findOne(a, o),
    args: [inside],
    defaults: [filter],
    options: FIND,
  },
  'collection.find': {
    call: ({ things }, a, _, o) => things.find(a, o).toArray(),
    args: [inside],
    defaults: [filter],
    options: FIND,
  },
  'cursor.explain': {
    call: ({ things }, a, b, o) =>
      things
        .find(a, o)
        .explain(b)
        .then(() => 1),
    args: [inside, (value) => ({ verbosity: value })],
    defaults: [filter, undefined],
    options: ['sort', 'hint'],
  },
  'cursor.count': {
    call: ({ things }, a, b, o) => things.find(a, o).count(b),
    args: [inside, (value) => ({ comment: value, collation: value })],
    defaults: [filter],
  },
  'cursor.comment and more': {
    call: ({ things }, a, b) => things.find().comment(a).collation(b).hint(b).toArray(),
    args: [inside, inside],
    defaults: [undefined, { locale: 'en' }],
  },
  'collection.findOneAndDelete': {
    call: ({ things }, a, _, o) => things.findOneAndDelete(a, o),
    args: [inside],
    defaults: [{ none: 1 }],
    options: ['sort', 'projection', 'hint', 'let', 'collation'],
  },
  'collection.findOneAndReplace': {
    call: ({ things }, a, b, o) => things.findOneAndReplace(a, b, o),
    args: [inside, inside],
    defaults: [filter, { a: 1 }],
    options: ['sort', 'projection', 'hint', 'let', 'collation'],
  },
  'collection.findOneAndUpdate': {
    call: ({ things }, a, b, o) => things.findOneAndUpdate(a, b, o),
    args: [inside, inOperator],
    defaults: [filter, { $set: { b: 1 } }],
    options: ['sort', 'projection', 'hint', 'let', 'collation', 'arrayFilters'],
  },
  'collection.distinct': {
    call: ({ things }, a, b, o) => things.distinct(a, b, o),
    args: [(value) => value, inside],
    defaults: ['a', filter],
    options: ['collation', 'hint'],
  },
  'collection.count': {
    call: ({ things }, a, _, o) => things.count(a, o),
    args: [inside],
    defaults: [filter],
    options: ['hint', 'collation', 'limit', 'skip'],
  },
  'collection.countDocuments': {
    call: ({ things }, a, _, o) => things.countDocuments(a, o),
    args: [inside],
    defaults: [filter],
    options: ['hint', 'collation', 'limit', 'skip'],
  },
  'collection.estimatedDocumentCount': {
    call: ({ things }, _a, _b, o) => things.estimatedDocumentCount(o),
  },
  'collection.aggregate': {
    call: ({ things }, a, _, o) => things.aggregate(a, o).toArray(),
    args: [(value) => [{ $match: { a: value } }]],
    defaults: [[{ $match: filter }]],
    options: AGGREGATE,
  },
  'collection.createIndex': {
    call: ({ things }, a, _, o) => things.createIndex(a, o),
    args: [inside],
    defaults: [{ c: 1 }],
    options: [...INDEX, 'commitQuorum', 'expireAfterSeconds', 'unique'],
  },
  'collection.createIndex with command options': {
    call: ({ things }, a, b, o) => (things as any).createIndex(a, b, o),
    args: [inside, (value) => ({ sparse: true, storageEngine: value, collation: value })],
    defaults: [{ c: 1 }, { sparse: true }],
    options: ['commitQuorum', 'collation'],
  },
  'collection.createIndexes': {
    call: ({ things }, a, _, o) => things.createIndexes(a, o),
    args: [(value) => [{ key: { d: 1 } }, { key: { c: 1 }, partialFilterExpression: value }]],
    defaults: [[{ key: { c: 1 } }]],
    options: ['commitQuorum'],
  },
  'collection.createIndexes with a key': {
    call: ({ things }, a, _, o) => things.createIndexes(a, o),
    args: [(value) => [{ key: { c: value } }]],
    defaults: [[{ key: { c: 1 } }]],
  },
  'collection.createIndexes with an option of nobody': {
    call: ({ things }, a, _, o) => things.createIndexes(a, o),
    args: [(value) => [{ key: { c: 1 }, mine: value }]],
    defaults: [[{ key: { c: 1 } }]],
  },
  'collection.createIndexes that hands all on': {
    call: ({ things }, a, _, o) => (things as any).createIndexes(a, o, true),
    args: [(value) => [{ key: { c: 1 }, mine: value }]],
    defaults: [[{ key: { c: 1 } }]],
  },
  'collection.dropIndex': {
    call: ({ things }, a, _, o) => things.dropIndex(a, o),
    args: [(value) => value],
    defaults: ['none_1'],
  },
  'collection.dropIndexes': { call: ({ things }, _a, _b, o) => things.dropIndexes(o) },
  'collection.indexes': {
    call: ({ things }, _a, _b, o) => things.indexes(o),
    options: ['batchSize'],
  },
  'collection.createSearchIndexes': {
    call: ({ things }, a, _, o) => (things as any).createSearchIndexes(a, o),
    args: [(value) => [{ definition: value }]],
    defaults: [[{ definition: {} }]],
  },
  'collection.updateSearchIndex': {
    call: ({ things }, a, b) => things.updateSearchIndex(a, b),
    args: [(value) => value, inside],
    defaults: ['s', {}],
  },
  'collection.dropSearchIndex': {
    call: ({ things }, a) => things.dropSearchIndex(a),
    args: [(value) => value],
    defaults: ['s'],
  },
  'collection.listSearchIndexes': {
    call: ({ things }, a) => things.listSearchIndexes(a).toArray(),
    args: [(value) => value],
    defaults: ['s'],
  },
  'collection.rename': {
    call: ({ things }, a, _, o) => things.rename(a, o).then(() => 1),
    args: [(value) => value],
    defaults: [''],
    options: ['dropTarget'],
  },
  'collection.watch': {
    call: async ({ things }, a, _, o) => {
      const stream = things.watch(a, o);
      try {
        return await stream.tryNext();
      } finally {
        await stream.close();
      }
    },
    args: [(value) => [{ $match: { a: value } }]],
    defaults: [[]],
    options: ['fullDocument', 'resumeAfter', 'startAtOperationTime', 'collation'],
  },
  'db.command': {
    call: ({ db }, a, _, o) => db.command(a, o).then(() => 1),
    args: [(value) => ({ ping: 1, comment: value })],
    defaults: [{ ping: 1 }],
  },
  'db.runCursorCommand': {
    call: ({ db }, a, _, o) => db.runCursorCommand(a, o).toArray(),
    args: [(value) => ({ find: 'things', filter: { a: value } })],
    defaults: [{ find: 'things' }],
  },
  'db.aggregate': {
    call: ({ db }, a, _, o) => db.aggregate(a, o).toArray(),
    args: [(value) => [{ $documents: [{ a: value }] }]],
    defaults: [[{ $documents: [{ a: 1 }] }]],
    options: AGGREGATE,
  },
  'db.createCollection': {
    call: ({ db }, a, _, o) => db.createCollection(a, o).then(() => 1),
    args: [(value) => value],
    defaults: ['made'],
    options: [
      'validator',
      'collation',
      'capped',
      'storageEngine',
      'viewOn',
      'pipeline',
      'expireAfterSeconds',
    ],
  },
  'db.createIndex': {
    call: ({ db }, a, b, o) => db.createIndex(a, b, o),
    args: [(value) => value, inside],
    defaults: ['things', { c: 1 }],
    options: INDEX,
  },
  'db.dropCollection': {
    call: ({ db }, a, _, o) => db.dropCollection(a, o),
    args: [(value) => value],
    defaults: ['none'],
  },
  'db.listCollections': {
    call: ({ db }, a, _, o) =>
      db
        .listCollections(a, o)
        .toArray()
        .then((all) => all.length),
    args: [(value) => ({ name: value })],
    defaults: [{}],
    options: ['nameOnly', 'authorizedCollections', 'batchSize'],
  },
  'db.renameCollection': {
    call: ({ db }, a, b, o) => db.renameCollection(a, b, o).then(() => 1),
    args: [(value) => value, (value) => value],
    defaults: ['none', 'other'],
    options: ['dropTarget'],
  },
  'db.stats': { call: ({ db }, _a, _b, o) => db.stats(o).then(() => 1), options: ['scale'] },
  'db.removeUser': {
    call: ({ db }, a, _, o) => db.removeUser(a, o),
    args: [(value) => value],
    defaults: ['nobody'],
  },
  'db.setProfilingLevel': {
    call: ({ db }, a, _, o) => db.setProfilingLevel(a, o),
    args: [(value) => value],
    defaults: ['off'],
  },
  'admin.command': {
    call: ({ db }, a, _, o) =>
      db
        .admin()
        .command(a, o)
        .then(() => 1),
    args: [(value) => ({ ping: 1, comment: value })],
    defaults: [{ ping: 1 }],
  },
  'admin.validateCollection': {
    call: ({ client, db }, a, _, o) =>
      (a === 'things' ? client.db(db.databaseName) : db)
        .admin()
        .validateCollection(a, o)
        .then(() => 1),
    args: [(value) => value],
    defaults: ['none'],
    options: ['full', 'background'],
  },
  'admin.listDatabases': {
    call: ({ db }, _a, _b, o) =>
      db
        .admin()
        .listDatabases(o)
        .then(() => 1),
    options: ['filter', 'nameOnly', 'authorizedDatabases'],
  },
  'client.bulkWrite': {
    call: ({ client }, a, _, o) => client.bulkWrite(a, o),
    args: [(value) => [{ name: 'insertOne', namespace: 'none.none', document: { a: value } }]],
    defaults: [[{ name: 'insertOne', namespace: 'none.none', document: { a: 1 } }]],
    options: ['let', 'ordered', 'verboseResults', 'bypassDocumentValidation'],
  },
  'client.bulkWrite update': {
    call: ({ client }, a, _, o) => client.bulkWrite(a, o),
    args: [
      (value) => [
        {
          name: 'updateOne',
          namespace: 'none.none',
          filter: { a: value },
          update: { $set: { b: value } },
        },
      ],
    ],
    defaults: [[{ name: 'deleteOne', namespace: 'none.none', filter }]],
  },
};

/** Every place in which an operation of the driver takes a value from the application. */
export const PLACES: Record<string, Record<string, Place>> = Object.fromEntries(
  Object.entries(PLANS).map(([name, { call, args = [], defaults = [], options = [] }]) => {
    const places: Record<string, Place> = {};
    // The driver puts ids into documents that it is given: each call gets its own.
    const operation: Operation = (on, first, second, options) => {
      const [byDefault, nextByDefault] = structuredClone(defaults) as any[];
      return call(
        on,
        first === BY_DEFAULT ? byDefault : first,
        second === BY_DEFAULT ? nextByDefault : second,
        options,
      );
    };
    const [inFirst, inSecond] = args;
    if (inFirst) {
      places.first = (on, value) => operation(on, value, BY_DEFAULT, {});
      places['in the first'] = (on, value) => operation(on, inFirst(value), BY_DEFAULT, {});
    }
    if (inSecond) {
      places.second = (on, value) => operation(on, BY_DEFAULT, value, {});
      places['in the second'] = (on, value) => operation(on, BY_DEFAULT, inSecond(value), {});
    }
    for (const option of [...options, ...COMMON]) {
      places[`option ${option}`] = (on, value) =>
        operation(on, BY_DEFAULT, BY_DEFAULT, { [option]: value });
      places[`in option ${option}`] = (on, value) =>
        operation(on, BY_DEFAULT, BY_DEFAULT, { [option]: { a: value } });
    }
    places['option mine, functions serialized'] = (on, value) =>
      operation(on, BY_DEFAULT, BY_DEFAULT, {
        mine: value,
        comment: value,
        serializeFunctions: true,
      });
    return [name, places];
  }),
);

export type { Document };
