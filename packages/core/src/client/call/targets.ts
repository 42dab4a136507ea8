import type { TargetDefinition } from '@mongo-offload/worker/protocol';
import { BSON, MongoInvalidArgumentError, type Document } from 'mongodb';

import { RecentlyUsed } from '../../pool';

/** A client, database or collection as workers know it. */
export interface TargetRef {
  readonly id: number;
  readonly definition: TargetDefinition;
  /** The namespace within which calls keep their order: database and collection; '' for the client as a whole. */
  readonly namespace: string;
}

/** A database's or collection's name, and its options if they differ from the inherited ones. */
export interface Named {
  name: string;
  /** BSON, so that two sets of options give the same bytes only if they are equal. */
  options?: Uint8Array;
}

/** Number of targets that a client remembers. It is limited: an application may have a collection for each tenant. */
const KNOWN = 1_000;

let nextTarget = 1;

/** The targets of one client's operations. Each has a number by which workers know it. */
export class Targets {
  readonly #client: number;
  readonly #known = new RecentlyUsed<string, TargetRef>(KNOWN);

  constructor(client: number) {
    this.#client = client;
  }

  /** @throws MongoInvalidArgumentError for a name that BSON cannot hold */
  get(db: Named | undefined, collection: Named | undefined): TargetRef {
    checkName('database', db?.name);
    checkName('collection', collection?.name);
    const key = keyOf(db, collection);
    if (key === undefined) return this.#make(db, collection);
    let target = this.#known.get(key);
    if (target === undefined) {
      target = this.#make(db, collection);
      this.#known.set(key, target);
    }
    return target;
  }

  clear(): void {
    this.#known.clear();
  }

  #make(db: Named | undefined, collection: Named | undefined): TargetRef {
    const definition: TargetDefinition = { client: this.#client };
    if (db) definition.db = { name: db.name, options: db.options };
    if (collection) {
      definition.collection = { name: collection.name, options: collection.options };
    }
    const namespace = db ? (collection ? `${db.name}.${collection.name}` : db.name) : '';
    return { id: nextTarget++, definition, namespace };
  }
}

/**
 * Returns a key that no other target has. Each part follows its own length, so that it cannot be read as part of the
 * next. Returns undefined if a name is not a string: the server must refuse it.
 */
function keyOf(db: Named | undefined, collection: Named | undefined): string | undefined {
  let lengths = '';
  let parts = '';
  for (const named of [db, collection]) {
    if (named === undefined) {
      lengths += '- ';
      continue;
    }
    const { name, options } = named;
    if (typeof name !== 'string') return undefined;
    lengths += `${name.length} `;
    parts += name;
    if (options === undefined) continue;
    lengths += `${options.length}+ `;
    parts += Buffer.from(options.buffer, options.byteOffset, options.length).toString('latin1');
  }
  return lengths + parts;
}

/**
 * Rejects names that are functions or symbols. The driver would leave them out of the command, and the server's error
 * would not name the cause.
 */
function checkName(what: string, name: unknown): void {
  if (typeof name === 'function' || typeof name === 'symbol') {
    throw new MongoInvalidArgumentError(
      `The name of a ${what} must be a string, not a ${typeof name}`,
    );
  }
}

/** Returns a database's or collection's own options, or undefined if it only has inherited ones. */
export function ownOptions(options: Document, inherited: Document): Uint8Array | undefined {
  const own = BSON.serialize(options);
  const same = Buffer.from(own).equals(BSON.serialize(inherited));
  return same ? undefined : new Uint8Array(own);
}
