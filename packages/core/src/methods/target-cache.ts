import type {
  Collection,
  Db,
  Document,
  MongoClient,
  ReadConcern,
  ReadPreference,
  WriteConcern,
} from 'mongodb';

import { crossingOptions } from '../calls';
import { clientOf } from '../driver';
import { offloadedState, ownOptions, type Named, type TargetRef } from '../client';

/** The part of a client's, database's or collection's state that operations inherit. */
interface Inherited {
  readPreference?: ReadPreference;
  readConcern?: ReadConcern;
  writeConcern?: WriteConcern;
  bsonOptions: Document;
}

const clientTargets = new WeakMap<MongoClient, TargetRef>();
const dbTargets = new WeakMap<Db, Named & { ref: TargetRef }>();
const collectionTargets = new WeakMap<Collection, TargetRef>();

export function clientTarget(client: MongoClient): TargetRef {
  let target = clientTargets.get(client);
  if (target === undefined) {
    target = linkOf(client).target();
    clientTargets.set(client, target);
  }
  return target;
}

export function dbTarget(db: Db): TargetRef {
  return dbEntry(db).ref;
}

/**
 * Returns the target of a collection, made at the first call. The options of the collection and its database no longer
 * change by then.
 */
export function collectionTarget(collection: Collection): TargetRef {
  let target = collectionTargets.get(collection);
  if (target === undefined) {
    const inState = (collection as unknown as { s: Inherited }).s;
    const inherits = inherited((collection.db as unknown as { s: Inherited }).s);
    target = linkOf(clientOf(collection)).target(dbEntry(collection.db), {
      name: collection.collectionName,
      options: ownOptions(inherited(inState), inherits),
    });
    collectionTargets.set(collection, target);
  }
  return target;
}

function dbEntry(db: Db): Named & { ref: TargetRef } {
  let entry = dbTargets.get(db);
  if (entry === undefined) {
    const { client } = db;
    const own = inherited((db as unknown as { s: Inherited }).s);
    const inherits = inherited((client as unknown as { s: Inherited }).s);
    const retryWrites = db.options?.retryWrites;
    if (retryWrites !== undefined) {
      own.retryWrites = retryWrites;
      inherits.retryWrites = client.options.retryWrites;
    }
    const named = { name: db.databaseName, options: ownOptions(own, inherits) };
    entry = { ...named, ref: linkOf(client).target(named) };
    dbTargets.set(db, entry);
  }
  return entry;
}

function inherited({
  readPreference,
  readConcern,
  writeConcern,
  bsonOptions,
}: Inherited): Document {
  return crossingOptions({ readPreference, readConcern, writeConcern, ...bsonOptions }, true) ?? {};
}

function linkOf(client: MongoClient): {
  target: NonNullable<ReturnType<typeof offloadedState>>['link']['target'];
} {
  const state = offloadedState(client);
  if (state === undefined) throw new TypeError('this client runs on the main thread');
  const { link } = state;
  return { target: (db, collection) => link.target(db, collection) };
}
