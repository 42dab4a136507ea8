import * as driver from 'mongodb';
import type {
  AggregateOptions,
  BulkWriteOptions,
  ChangeStreamDocument,
  ChangeStreamOptions,
  CollectionOptions,
  Document,
  Filter,
  FindOptions,
  ListIndexesOptions,
  ListSearchIndexesOptions,
  RenameOptions,
  SearchIndexDescription,
  WithId,
} from 'mongodb';

import { offloadedBulk, OrderedBulkOperation, UnorderedBulkOperation } from '../bulk';
import { encodeArguments, encodeListArguments, LOOKED_INTO, documentList } from '../calls';
import { watching, type ChangeStream } from '../change-stream';
import {
  AggregationCursor,
  FindCursor,
  ListIndexesCursor,
  ListSearchIndexesCursor,
  offloadedCursor,
} from '../cursor';
import { clientOf, collectionOptionsOf, ownAllMethods } from '../driver';
import type { Db } from './db';
import {
  acknowledged,
  addId,
  bulkResult,
  completeBulkError,
  idsAtCall,
  ownDocuments,
  ownOperations,
  shownOperation,
  offloadMethods,
  type Carrier,
  collectionTarget,
} from '../methods';
import { checkOwnOptions } from '../options';
import type { LimitOptions } from '../abort';

/**
 * The driver's Collection, whose operations run in a worker thread. A call crosses to the worker as the method's name,
 * its arguments in BSON, and the options that the driver reads.
 */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- some methods take more options
export class Collection<TSchema extends Document = Document> extends driver.Collection<TSchema> {
  /** Creates a cursor for a filter. It sends nothing until it is read. */
  override find(): FindCursor<WithId<TSchema>>;
  override find(
    filter: Filter<TSchema>,
    options?: FindOptions & driver.Abortable,
  ): FindCursor<WithId<TSchema>>;
  override find<T extends Document>(
    filter: Filter<TSchema>,
    options?: FindOptions & driver.Abortable,
  ): FindCursor<T>;
  override find(
    filter: Filter<TSchema> = {},
    options: FindOptions & driver.Abortable = {},
  ): FindCursor<WithId<TSchema>> {
    options = checkOwnOptions(options);
    return offloadedCursor(super.find(filter, options), FindCursor<WithId<TSchema>>);
  }

  /** Creates a cursor for an aggregation pipeline. It sends nothing until it is read. */
  override aggregate<T extends Document = Document>(
    pipeline?: Document[],
    options?: AggregateOptions & driver.Abortable,
  ): AggregationCursor<T> {
    options = checkOwnOptions(options);
    return offloadedCursor(super.aggregate<T>(pipeline, options), AggregationCursor<T>);
  }

  override initializeOrderedBulkOp(options?: BulkWriteOptions): OrderedBulkOperation {
    options = checkOwnOptions(options);
    return offloadedBulk(super.initializeOrderedBulkOp(options), OrderedBulkOperation);
  }

  override initializeUnorderedBulkOp(options?: BulkWriteOptions): UnorderedBulkOperation {
    options = checkOwnOptions(options);
    return offloadedBulk(super.initializeUnorderedBulkOp(options), UnorderedBulkOperation);
  }

  override listIndexes(options?: ListIndexesOptions): ListIndexesCursor {
    options = checkOwnOptions(options);
    return offloadedCursor(super.listIndexes(options), ListIndexesCursor);
  }

  override listSearchIndexes(options?: ListSearchIndexesOptions): ListSearchIndexesCursor;
  override listSearchIndexes(
    name: string,
    options?: ListSearchIndexesOptions,
  ): ListSearchIndexesCursor;
  override listSearchIndexes(
    nameOrOptions?: string | ListSearchIndexesOptions,
    options?: ListSearchIndexesOptions,
  ): ListSearchIndexesCursor {
    if (typeof nameOrOptions === 'object') nameOrOptions = checkOwnOptions(nameOrOptions);
    options = checkOwnOptions(options);
    const cursor = super.listSearchIndexes(nameOrOptions as string, options);
    return offloadedCursor(cursor, ListSearchIndexesCursor);
  }

  override async createSearchIndex(
    description: SearchIndexDescription,
    options?: LimitOptions,
  ): Promise<string> {
    const [name] = await this.createSearchIndexes([description], options);
    return name;
  }

  /** Creates a change stream. It sends nothing until it is read or has a listener. */
  override watch<
    TLocal extends Document = TSchema,
    TChange extends Document = ChangeStreamDocument<TLocal>,
  >(pipeline?: Document[], options?: ChangeStreamOptions): ChangeStream<TLocal, TChange> {
    return watching((own) => super.watch<TLocal, TChange>(...own), pipeline, options);
  }
}

// eslint-disable-next-line @typescript-eslint/no-unused-vars -- what is merged must have the same parameters
export interface Collection<TSchema extends Document = Document> {
  readonly db: Db;
  rename(newName: string, options?: RenameOptions): Promise<Collection>;
  createSearchIndexes(
    descriptions: SearchIndexDescription[],
    options?: LimitOptions,
  ): Promise<string[]>;
  dropSearchIndex(name: string, options?: LimitOptions): Promise<void>;
  updateSearchIndex(name: string, definition: Document, options?: LimitOptions): Promise<void>;
}

/** The class with the driver's constructor, which the types leave out. */
const CollectionClass = Collection as unknown as new (
  db: driver.Db,
  name: string,
  options?: CollectionOptions,
) => Collection;

/** Returns the collection of this name in the same database, with the same options. */
export function sibling(collection: driver.Collection, name: string): Collection {
  return new CollectionClass(collection.db, name, collectionOptionsOf(collection));
}

type AnyCollection = driver.Collection;

export const collectionCarrier: Carrier<AnyCollection> = {
  client: clientOf,
  target: collectionTarget,
  bson: ({ bsonOptions }) => bsonOptions,
};

ownAllMethods(Collection, driver.Collection);

offloadMethods<AnyCollection>(Collection.prototype, 'collection', collectionCarrier, {
  findOne: { accepts: ([, options]) => options !== null },
  updateOne: { accepts: mayUpdate, result: updated },
  updateMany: { accepts: mayUpdate, result: updated },
  replaceOne: { accepts: noBigint, result: updated },
  deleteOne: { result: deleted },
  deleteMany: { result: deleted },
  findOneAndDelete: { accepts: noBigint },
  findOneAndReplace: { accepts: noBigint },
  findOneAndUpdate: { accepts: mayUpdate },
  distinct: {},
  count: {},
  countDocuments: { accepts: ([, options]) => options !== null },
  estimatedDocumentCount: {},
  createIndexes: {
    accepts: ([indexes]) => Array.isArray(indexes),
    lookedInto: LOOKED_INTO,
    form: { name: 'collection.createIndexesOpen', when: (args) => args[2] === true },
  },
  createIndex: {
    openOptions: 'ofIndex',
    lookedInto: LOOKED_INTO,
    form: { name: 'collection.createIndexApart', when: (args) => args[2] != null },
  },
  dropIndex: {},
  dropIndexes: {},
  createSearchIndexes: {},
  dropSearchIndex: {},
  updateSearchIndex: {},
  rename: {
    ownBsonOnly: true,
    result(_result, [newName]) {
      return sibling(this, newName as string);
    },
  },
  insertOne: {
    sendsBytes: true,
    accepts([document, options]) {
      if (typeof document !== 'object' || document === null) return false;
      addId(this, document, options as Document | undefined);
      return true;
    },
    encode([document], options, bson) {
      try {
        // A BSON value such as an ObjectId, which a command may contain but which is not a document.
        if ((document as Document)._bsontype != null)
          throw new driver.BSON.BSONError('no document');
        return encodeListArguments(documentList([document as Document], bson), options, bson);
      } catch {
        // A date or an array is not a document either, but it can be encoded as a value. The server refuses it.
        return encodeArguments({ a: [document], o: options }, bson);
      }
    },
    result(_result, [document, options]) {
      return {
        acknowledged: acknowledged(this, options as Document | undefined),
        insertedId: (document as Document)._id as unknown,
      };
    },
  },
  insertMany: {
    sendsBytes: true,
    accepts(args) {
      const own = ownDocuments(this, args[0], args[1] as Document | undefined);
      if (own === undefined) return false;
      args[0] = own;
      return true;
    },
    encode: ([documents], options, bson, sliceMS) =>
      encodeListArguments(documentList(documents as Document[], bson), options, bson, sliceMS),
    result(result, [documents, options]) {
      const insertedIds: Record<number, unknown> = {};
      for (const { index, _id } of idsAtCall(documents)) insertedIds[index] = _id;
      return {
        acknowledged: acknowledged(this, options as Document | undefined),
        insertedCount: (result as { nInserted: number }).nInserted,
        insertedIds,
      };
    },
    error(error, [documents, options]) {
      return completeBulkError(
        error,
        idsAtCall(documents),
        ordered(options),
        (index) => (documents as Document[])[index],
      );
    },
  },
  bulkWrite: {
    sendsBytes: true,
    accepts(args) {
      const own = ownOperations(this, args[0], args[1] as Document | undefined);
      if (own === undefined) return false;
      args[0] = own;
      return true;
    },
    encode: ([operations], options, bson, sliceMS) =>
      encodeListArguments(documentList(operations as Document[], bson), options, bson, sliceMS),
    result(result, [operations, options]) {
      return bulkResult(result as Document, idsAtCall(operations), ordered(options));
    },
    error(error, [operations, options]) {
      return completeBulkError(error, idsAtCall(operations), ordered(options), (index, statement) =>
        shownOperation((operations as Document[])[index], statement),
      );
    },
  },
});

/** Adds the counts of an unacknowledged write to its result, as undefined. */
function updated(result: unknown): unknown {
  if (!isUnacknowledged(result)) return result;
  const { upsertedId, upsertedCount } = result as driver.UpdateResult;
  const acknowledged = false;
  return {
    acknowledged,
    modifiedCount: undefined,
    upsertedId,
    upsertedCount,
    matchedCount: undefined,
  };
}

function deleted(result: unknown): unknown {
  return isUnacknowledged(result) ? { acknowledged: false, deletedCount: undefined } : result;
}

function isUnacknowledged(result: unknown): boolean {
  return (result as { acknowledged?: boolean } | null)?.acknowledged === false;
}

/** Returns false for a bigint: BSON would make a number of it, and the driver's error would be another one. */
function noBigint([first, second]: unknown[]): boolean {
  return typeof first !== 'bigint' && typeof second !== 'bigint';
}

function mayUpdate([filter, update]: unknown[]): boolean {
  return typeof filter !== 'bigint' && looksLikeUpdate(update);
}

/** Returns whether this is a pipeline or starts with an operator. The driver's own method refuses anything else. */
function looksLikeUpdate(update: unknown): boolean {
  if (Array.isArray(update)) return update.length > 0;
  if (typeof update !== 'object' || update === null) return false;
  const keys = Object.keys(update);
  if (keys.length === 0 || keys[0][0] !== '$') return false;
  return keys.some((key) => (update as Document)[key] !== undefined);
}

function ordered(options: unknown): boolean {
  return (options as { ordered?: boolean } | undefined)?.ordered !== false;
}
