import type { TargetDefinition } from '@mongo-offload/worker/protocol';
import { BSON, MongoInvalidArgumentError, type Document } from 'mongodb';

/** A client, database or collection as workers know it. */
export interface TargetRef {
  readonly id: number;
  readonly definition: TargetDefinition;
  /** What order is kept for: the database and collection; the client as a whole is ''. */
  readonly namespace: string;
}

/** A database's or collection's name, and its options where they differ from what it inherits. */
export interface Named {
  name: string;
  options?: Document;
}

let nextTarget = 1;

/** What the operations of one client are called on, each known by a number. */
export class Targets {
  readonly #client: number;
  readonly #known = new Map<string, TargetRef>();

  constructor(client: number) {
    this.#client = client;
  }

  /** @throws MongoInvalidArgumentError for a name that BSON cannot hold */
  get(db: Named | undefined, collection: Named | undefined): TargetRef {
    checkName('database', db?.name);
    checkName('collection', collection?.name);
    const key = keyOf(db, collection);
    let target = this.#known.get(key);
    if (target === undefined) {
      const definition: TargetDefinition = { client: this.#client };
      if (db) definition.db = { name: db.name, options: bytes(db.options) };
      if (collection) {
        definition.collection = { name: collection.name, options: bytes(collection.options) };
      }
      const namespace = db ? (collection ? `${db.name}.${collection.name}` : db.name) : '';
      target = { id: nextTarget++, definition, namespace };
      this.#known.set(key, target);
    }
    return target;
  }

  clear(): void {
    this.#known.clear();
  }
}

function keyOf(db: Named | undefined, collection: Named | undefined): string {
  const name = (db?.name ?? '') + (collection === undefined ? '' : collectionKey(collection.name));
  if (db?.options === undefined && collection?.options === undefined) return name;
  return name + JSON.stringify([db?.options, collection?.options]);
}

/** The driver sends its commands without a name that is a function or a symbol, and gives the server's riddles. */
function checkName(what: string, name: unknown): void {
  if (typeof name === 'function' || typeof name === 'symbol') {
    throw new MongoInvalidArgumentError(
      `The name of a ${what} must be a string, not a ${typeof name}`,
    );
  }
}

/** A collection without a name, which the server refuses, is not the database itself. */
function collectionKey(name: unknown): string {
  return typeof name === 'string' ? `\0${name}` : `\0\0${String(name)}`;
}

function bytes(options: Document | undefined): Uint8Array | undefined {
  return options === undefined ? undefined : new Uint8Array(BSON.serialize(options));
}
