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
 * @returns false where the server is to set it
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

/** The ids that the documents of a call had when it was made, by the call's own list. */
const insertedIds = new WeakMap<object, InsertedId[]>();

/** See {@link ownDocuments} and {@link ownOperations}. */
export function idsAtCall(own: unknown): InsertedId[] {
  return insertedIds.get(own as object) ?? [];
}

/**
 * A list of its own of the documents that `insertMany` is called with, each with its `_id`, as the driver makes it: the
 * caller may empty his list, or give a document another `_id`, while the call is under way.
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
    // Iterating by a callback, the driver passes over places that are empty.
    if (document == null ? !(i in documents) : typeof document !== 'object') return undefined;
  }
  const forced = { forceServerObjectId: forcesServerId(collection, options) };
  const ids: InsertedId[] = [];
  const own = documents.map((given: Document | null, index) => {
    // What the driver makes of a document that is not there (NODE-6003).
    const document = given ?? { document: given };
    addId(collection, document, forced);
    ids.push({ index, _id: document._id as unknown });
    return document;
  });
  insertedIds.set(own, ids);
  return own;
}

/** The same of the operations that `bulkWrite` is called with. */
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

/** Of several operations only `true` counts; see `addId` for one. */
function forcesServerId(collection: Collection, options: Document | undefined): boolean {
  return (
    options?.forceServerObjectId === true || collection.db.options?.forceServerObjectId === true
  );
}

/** Whether the server acknowledges a write with these options, which it has done. */
export function acknowledged(collection: Collection, options: Document | undefined): boolean {
  // In a transaction the collection's write concern does not count; outside of one the driver refuses such a write.
  if (options?.session != null) return true;
  const own = options == null ? undefined : WriteConcern.fromOptions(options);
  return (own ?? collection.writeConcern)?.w !== 0;
}

/** The document that an operation of a bulk write inserts, if it inserts one. */
export function insertedDocument(operation: Document): Document | undefined {
  if (!('insertOne' in operation)) return undefined;
  const model = operation.insertOne as Document | undefined | null;
  return (model?.document as Document | undefined) ?? model ?? undefined;
}

/**
 * What the driver's write error shows of an operation of a bulk write: the document itself that it inserts, or the
 * statement that was made of it, in which the filter and the like are the caller's own.
 *
 * @param statement - as it came back from the worker
 */
export function shownOperation(operation: Document, statement: Document): Document {
  const inserted = insertedDocument(operation);
  if (inserted !== undefined) return inserted;
  // The first of these is what the driver does.
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

/** The driver's result of a bulk write, whose list of inserted ids stayed here; in the driver's order. */
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
 * Puts into the error of a bulk write what stayed here: the ids of what was inserted, and in each
 * write error the caller's own operation.
 *
 * @param shown - what the error shows of the operation at this index, of which this came back
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
