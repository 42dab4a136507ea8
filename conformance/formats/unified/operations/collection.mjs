import { MalformedTest, Skip } from '../../outcome.mjs';
import { openCursor, watch } from './cursor.mjs';
import { bulkWriteResult } from './results.mjs';
import { required } from './arguments.mjs';

/** @typedef {import('mongodb').Collection} Collection */

/** Operations on a collection: `(collection, arguments) => result`. */
export const collectionOperations = {
  aggregate: (collection, { pipeline, ...options }) =>
    collection.aggregate(pipeline, options).toArray(),

  async bulkWrite(collection, { requests, ...options }) {
    return bulkWriteResult(await collection.bulkWrite(requests, options));
  },

  count: (collection, { filter, ...options }) => collection.count(filter, options),
  countDocuments: (collection, { filter, ...options }) =>
    collection.countDocuments(filter, options),
  estimatedDocumentCount: (collection, options) => collection.estimatedDocumentCount(options),
  distinct: (collection, { fieldName, filter, ...options }) =>
    collection.distinct(fieldName, filter, options),

  createChangeStream: watch,

  createFindCursor(collection, args) {
    const { filter, ...options } = required(args, 'filter');
    return openCursor(collection.find(filter, options));
  },

  find(collection, args) {
    const { filter, ...options } = required(args, 'filter');
    return collection.find(filter, options).toArray();
  },
  findOne: (collection, { filter, ...options }) => collection.findOne(filter, options),
  findOneAndDelete: (collection, { filter, ...options }) =>
    collection.findOneAndDelete(filter, options),
  findOneAndReplace: (collection, { filter, replacement, ...options }) =>
    collection.findOneAndReplace(filter, replacement, withReturnDocument(options)),
  findOneAndUpdate: (collection, { filter, update, ...options }) =>
    collection.findOneAndUpdate(filter, update, withReturnDocument(options)),

  insertOne(collection, args) {
    const { document, ...options } = required(args, 'document');
    return collection.insertOne(document, options);
  },
  insertMany: (collection, { documents, ...options }) => collection.insertMany(documents, options),
  updateOne: (collection, { filter, update, ...options }) =>
    collection.updateOne(filter, update, options),
  updateMany: (collection, { filter, update, ...options }) =>
    collection.updateMany(filter, update, options),
  replaceOne: (collection, { filter, replacement, ...options }) =>
    collection.replaceOne(filter, replacement, options),
  deleteOne: (collection, { filter, ...options }) => collection.deleteOne(filter, options),
  deleteMany: (collection, { filter, ...options }) => collection.deleteMany(filter, options),

  createIndex: (collection, { keys, ...options }) => collection.createIndex(keys, options),
  dropIndex: (collection, { name, ...options }) => collection.dropIndex(name, options),
  dropIndexes: (collection, options) => collection.dropIndexes(options),
  listIndexes: (collection, options) => collection.listIndexes(options).toArray(),
  rename: (collection, { to, ...options }) => collection.rename(to, options),

  createSearchIndex: (collection, { model }) => collection.createSearchIndex(model),
  createSearchIndexes: (collection, { models }) => collection.createSearchIndexes(models),
  dropSearchIndex: (collection, { name }) => collection.dropSearchIndex(name),
  listSearchIndexes: (collection, { name, aggregationOptions }) =>
    collection.listSearchIndexes(name, aggregationOptions).toArray(),
  updateSearchIndex: (collection, { name, definition }) =>
    collection.updateSearchIndex(name, definition),

  mapReduce() {
    throw new Skip('the driver has no Collection.mapReduce');
  },
};

function withReturnDocument(options) {
  if (options.returnDocument === undefined) return options;
  const returnDocument = String(options.returnDocument).toLowerCase();
  if (returnDocument !== 'before' && returnDocument !== 'after') {
    throw new MalformedTest(`returnDocument is ${options.returnDocument}`);
  }
  return { ...options, returnDocument };
}
