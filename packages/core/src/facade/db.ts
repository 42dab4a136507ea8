import * as driver from 'mongodb';
import type {
  AggregateOptions,
  ChangeStreamDocument,
  ChangeStreamOptions,
  CollectionInfo,
  CollectionOptions,
  CreateCollectionOptions,
  Document,
  ListCollectionsOptions,
  RenameOptions,
  RunCursorCommandOptions,
} from 'mongodb';

import { LOOKED_INTO } from '../calls';
import { watching, type ChangeStream } from '../change-stream';
import {
  AggregationCursor,
  keepOwnOptions,
  ListCollectionsCursor,
  offloadedCursor,
  RunCommandCursor,
} from '../cursor';
import { checkOwnOptions, type OwnOptions } from '../options';
import { Admin } from './admin';
import type { MongoClient } from './client';
import { Collection, sibling } from './collection';
import { offloadMethods, type Carrier, dbTarget } from '../methods';
import { ownAllMethods } from '../driver';

/** The driver's Db, whose operations run in a worker thread. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- its command takes more options
export class Db extends driver.Db {
  override collection<TSchema extends Document = Document>(
    name: string,
    options?: CollectionOptions,
  ): Collection<TSchema> {
    // The driver merges the options with the database's. Its object then becomes ours.
    return Object.setPrototypeOf(
      super.collection<TSchema>(name, options),
      Collection.prototype,
    ) as Collection<TSchema>;
  }

  override async collections(options?: ListCollectionsOptions): Promise<Collection[]> {
    const collections = await super.collections(options);
    return collections.map(
      (collection) => Object.setPrototypeOf(collection, Collection.prototype) as Collection,
    );
  }

  override admin(): Admin {
    return Object.setPrototypeOf(super.admin(), Admin.prototype) as Admin;
  }

  override aggregate<T extends Document = Document>(
    pipeline?: Document[],
    options?: AggregateOptions,
  ): AggregationCursor<T> {
    options = checkOwnOptions(options);
    return offloadedCursor(super.aggregate<T>(pipeline, options), AggregationCursor<T>);
  }

  override listCollections(
    filter: Document,
    options: Exclude<ListCollectionsOptions, 'nameOnly'> & { nameOnly: true } & driver.Abortable,
  ): ListCollectionsCursor<Pick<CollectionInfo, 'name' | 'type'>>;
  override listCollections(
    filter: Document,
    options: Exclude<ListCollectionsOptions, 'nameOnly'> & { nameOnly: false } & driver.Abortable,
  ): ListCollectionsCursor<CollectionInfo>;
  override listCollections<
    T extends Pick<CollectionInfo, 'name' | 'type'> | CollectionInfo =
      Pick<CollectionInfo, 'name' | 'type'> | CollectionInfo,
  >(
    filter?: Document,
    options?: ListCollectionsOptions & driver.Abortable,
  ): ListCollectionsCursor<T>;
  override listCollections<
    T extends Pick<CollectionInfo, 'name' | 'type'> | CollectionInfo =
      Pick<CollectionInfo, 'name' | 'type'> | CollectionInfo,
  >(
    filter?: Document,
    options?: ListCollectionsOptions & driver.Abortable,
  ): ListCollectionsCursor<T> {
    options = checkOwnOptions(options);
    return offloadedCursor(super.listCollections<T>(filter, options), ListCollectionsCursor<T>);
  }

  override runCursorCommand(
    command: Document,
    options?: RunCursorCommandOptions & OwnOptions,
  ): RunCommandCursor {
    options = checkOwnOptions(options);
    const cursor = super.runCursorCommand(command, options);
    keepOwnOptions(cursor, options);
    return offloadedCursor(cursor, RunCommandCursor, options);
  }

  /** Creates a change stream. It sends nothing until it is read or has a listener. */
  override watch<
    TSchema extends Document = Document,
    TChange extends Document = ChangeStreamDocument<TSchema>,
  >(pipeline?: Document[], options?: ChangeStreamOptions): ChangeStream<TSchema, TChange> {
    return watching((own) => super.watch<TSchema, TChange>(...own), pipeline, options);
  }
}

// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- offloadMethods puts it on the prototype
export interface Db {
  readonly client: MongoClient;
  createCollection<TSchema extends Document = Document>(
    name: string,
    options?: CreateCollectionOptions,
  ): Promise<Collection<TSchema>>;
  renameCollection<TSchema extends Document = Document>(
    fromCollection: string,
    toCollection: string,
    options?: RenameOptions,
  ): Promise<Collection<TSchema>>;
  command(command: Document, options?: driver.RunCommandOptions & OwnOptions): Promise<Document>;
}

type AnyDb = driver.Db;

const carrier: Carrier<AnyDb> = {
  client: ({ client }) => client,
  target: dbTarget,
  bson: ({ bsonOptions }) => bsonOptions,
};

ownAllMethods(Db, driver.Db);

offloadMethods<AnyDb>(Db.prototype, 'db', carrier, {
  command: { ownBsonOnly: true },
  createCollection: {
    openOptions: true,
    result(_result, [name, options]) {
      return this.collection(name as string, options as CreateCollectionOptions);
    },
  },
  dropCollection: {},
  dropDatabase: {},
  renameCollection: {
    ownBsonOnly: true,
    result(_result, [from, to]) {
      return sibling(this.collection(from as string), to as string);
    },
  },
  stats: {},
  createIndex: { openOptions: 'ofIndex', lookedInto: LOOKED_INTO },
  removeUser: {},
  setProfilingLevel: {},
  profilingLevel: {},
});
