import type {
  Collection,
  Db,
  Document,
  MongoClient,
  ReadConcern,
  ReadPreference,
  WriteConcern,
} from 'mongodb';

import { crossingOptions } from '../calls/options';
import { clientOf } from '../driver/internals';
import { offloadedState } from '../client/state';
import type { TargetRef } from '../client/targets';

/** The part of a client's, database's or collection's state that operations inherit. */
interface Inherited {
  readPreference?: ReadPreference;
  readConcern?: ReadConcern;
  writeConcern?: WriteConcern;
  bsonOptions: Document;
}

const clientTargets = new WeakMap<MongoClient, TargetRef>();
const dbTargets = new WeakMap<Db, { name: string; options?: Document; ref: TargetRef }>();
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

/** The target of a collection; made at its first operation, for the state of both is settled by then. */
export function collectionTarget(collection: Collection): TargetRef {
  let target = collectionTargets.get(collection);
  if (target === undefined) {
    const { name, options } = dbEntry(collection.db);
    const own = inherited((collection as unknown as { s: Inherited }).s);
    const differs = key(own) !== key(inherited((collection.db as unknown as { s: Inherited }).s));
    target = linkOf(clientOf(collection)).target(
      { name, options },
      { name: collection.collectionName, options: differs ? own : undefined },
    );
    collectionTargets.set(collection, target);
  }
  return target;
}

function dbEntry(db: Db): { name: string; options?: Document; ref: TargetRef } {
  let entry = dbTargets.get(db);
  if (entry === undefined) {
    const { client } = db;
    const own = inherited((db as unknown as { s: Inherited }).s);
    const retryWrites = db.options?.retryWrites;
    const differs =
      key(own) !== key(inherited((client as unknown as { s: Inherited }).s)) ||
      (retryWrites !== undefined && retryWrites !== client.options.retryWrites);
    const options = differs
      ? { ...own, ...(retryWrites === undefined ? {} : { retryWrites }) }
      : undefined;
    const name = db.databaseName;
    entry = { name, options, ref: linkOf(client).target({ name, options }) };
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

function key(options: Document): string {
  return JSON.stringify(options);
}

function linkOf(client: MongoClient): {
  target: NonNullable<ReturnType<typeof offloadedState>>['link']['target'];
} {
  const state = offloadedState(client);
  if (state === undefined) throw new TypeError('this client runs on the main thread');
  const { link } = state;
  return { target: (db, collection) => link.target(db, collection) };
}
