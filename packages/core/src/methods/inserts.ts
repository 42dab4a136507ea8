import { writeErrorsIn } from '@mongo-offload/worker/protocol';
import {
  WriteConcern,
  type BulkWriteResult,
  type Collection,
  type Document,
  type MongoBulkWriteError,
} from 'mongodb';

import { BulkWriteResultClass } from '../driver';

/** The id of an inserted document, and which operation of the call inserted it. */
export interface InsertedId {
  index: number;
  _id: unknown;
}

/** What the driver keeps on a collection and reads before it inserts. */
interface CollectionState {
  s: { pkFactory: { createPk(): unknown } };
}

/**
 * Sets `_id` on the caller's own document, as the driver does before it inserts it.
 *
 * @returns false if the server is to set it
 */
export function addId(
  collection: Collection,
  document: Document,
  options: Document | undefined,
): boolean {
  const force =
    (options?.forceServerObjectId as boolean | undefined) ??
    collection.db.options?.forceServerObjectId ??
    false;
  if (force) return false;
  if (document._id == null) {
    document._id = (collection as unknown as CollectionState).s.pkFactory.createPk();
  }
  return true;
}

/** The ids that the documents of a call had when it was made, by our copy of its list. */
const insertedIds = new WeakMap<object, InsertedId[]>();

/** Returns the ids for a list that {@link ownDocuments} or {@link ownOperations} made. */
export function idsAtCall(own: unknown): InsertedId[] {
  return insertedIds.get(own as object) ?? [];
}

/**
 * Copies the list of documents of an `insertMany`, and sets their `_id`s, as the driver does. During the call, the
 * caller may empty its list or give a document another `_id`.
 *
 * @returns undefined for a list that the driver refuses
 */
export function ownDocuments(
  collection: Collection,
  documents: unknown,
  options: Document | undefined,
): Document[] | undefined {
  if (!Array.isArray(documents) || documents.length === 0) return undefined;
  for (let i = 0; i < documents.length; i++) {
    const document: unknown = documents[i];
    // The driver skips the holes of a sparse array.
    if (document == null ? !(i in documents) : typeof document !== 'object') return undefined;
  }
  const forced = { forceServerObjectId: forcesServerId(collection, options) };
  const ids: InsertedId[] = [];
  const own = documents.map((given: Document | null, index) => {
    // The driver makes such a document of null and undefined (NODE-6003).
    const document = given ?? { document: given };
    addId(collection, document, forced);
    ids.push({ index, _id: document._id as unknown });
    return document;
  });
  insertedIds.set(own, ids);
  return own;
}

/** Does the same for the operations of a `bulkWrite`. */
export function ownOperations(
  collection: Collection,
  operations: unknown,
  options: Document | undefined,
): Document[] | undefined {
  if (!Array.isArray(operations)) return undefined;
  const forced = { forceServerObjectId: forcesServerId(collection, options) };
  const ids: InsertedId[] = [];
  const own = [...(operations as unknown[])] as Document[];
  for (const [index, operation] of own.entries()) {
    if (typeof operation !== 'object' || operation === null) return undefined;
    if (!('insertOne' in operation)) continue;
    const document = insertedDocument(operation);
    if (typeof document !== 'object') return undefined;
    addId(collection, document, forced);
    ids.push({ index, _id: document._id as unknown });
  }
  insertedIds.set(own, ids);
  return own;
}

/** Returns whether the server sets the ids of several documents. Only `true` counts, other than in `addId`. */
function forcesServerId(collection: Collection, options: Document | undefined): boolean {
  return (
    options?.forceServerObjectId === true || collection.db.options?.forceServerObjectId === true
  );
}

/** Returns whether the server acknowledges a write with these options. */
export function acknowledged(collection: Collection, options: Document | undefined): boolean {
  // In a transaction, the collection's write concern does not apply. Outside one, the driver refuses `w: 0` with a session.
  if (options?.session != null) return true;
  const own = options == null ? undefined : WriteConcern.fromOptions(options);
  return (own ?? collection.writeConcern)?.w !== 0;
}

/** Returns the document that an operation of a bulk write inserts, if any. */
export function insertedDocument(operation: Document): Document | undefined {
  if (!('insertOne' in operation)) return undefined;
  const model = operation.insertOne as Document | undefined | null;
  return (model?.document as Document | undefined) ?? model ?? undefined;
}

/**
 * Returns what the driver's write error shows of an operation of a bulk write: the inserted document itself, or the
 * operation's statement with the caller's own filter, update and other values.
 *
 * @param statement - the statement as it came back from the worker
 */
export function shownOperation(operation: Document, statement: Document): Document {
  const inserted = insertedDocument(operation);
  if (inserted !== undefined) return inserted;
  // If an operation has several of these, the driver takes the first in this order.
  const { replaceOne, updateOne, updateMany, deleteOne, deleteMany } = operation;
  const model = (replaceOne ?? updateOne ?? updateMany ?? deleteOne ?? deleteMany) as Document;
  const own: Document = {
    ...model,
    q: model.filter as unknown,
    u: (model.update ?? model.replacement) as unknown,
  };
  for (const key of Object.keys(statement)) {
    if (own[key] !== undefined) statement[key] = own[key] as unknown;
  }
  return statement;
}

/**
 * Returns the driver's result of a bulk write, with the inserted ids, which did not cross. Keeps the driver's key
 * order.
 */
export function bulkResult(
  raw: Document,
  insertedIds: InsertedId[],
  ordered: boolean,
): BulkWriteResult {
  const {
    ok,
    writeErrors,
    writeConcernErrors,
    insertedIds: _,
    ...counts
  } = raw as Record<string, unknown>;
  return new BulkWriteResultClass(
    { ok, writeErrors, writeConcernErrors, insertedIds, ...counts },
    ordered,
  );
}

/**
 * Completes the error of a bulk write with what did not cross: the inserted ids, and the caller's own operation in each
 * write error.
 *
 * @param shown - returns what the error shows of the operation at an index, given what came back from the worker
 */
export function completeBulkError(
  error: Error,
  insertedIds: InsertedId[],
  ordered: boolean,
  shown: (index: number, cameBack: Document) => Document,
): Error {
  if (error.name !== 'MongoBulkWriteError') return error;
  const bulkError = error as MongoBulkWriteError;
  for (const { err } of writeErrorsIn(bulkError)) {
    // With `raw: true` the driver cannot tell which operation failed.
    if (typeof err.index === 'number') err.op = shown(err.index, err.op);
  }
  const raw = bulkError.result.getRawResponse();
  bulkError.result = bulkResult(raw, insertedIds, ordered);
  return bulkError;
}
