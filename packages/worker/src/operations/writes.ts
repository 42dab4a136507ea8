import type {
  AnyBulkWriteOperation,
  BatchType,
  BulkWriteResult,
  Document,
  MongoBulkWriteError,
} from 'mongodb';

import type { Target } from '../client';
import { INSERT } from '../driver';
import { writeErrorsIn } from '../errors';
import { executeBulk } from './execute-bulk';
import type { Outcome } from './outcome';
import { insertRawDocument, insertRawDocuments, onlyInserts, RawDocument } from './raw-inserts';

/**
 * Runs an insert or a bulk write. The main thread has put an `_id` into every document that needs one. It keeps the ids
 * and the caller's documents, and adds them to the result or the error. The worker sends neither.
 */
export async function write(
  name: 'collection.insertOne' | 'collection.insertMany' | 'collection.bulkWrite',
  { collection }: Target,
  [first]: unknown[],
  options: Document,
): Promise<Outcome> {
  if (collection === undefined)
    throw new TypeError('the target of a collection operation is missing');
  const writeOptions = { ...options, forceServerObjectId: true };
  if (name === 'collection.insertOne') {
    const [document] = first as (Document | RawDocument)[];
    if (document instanceof RawDocument) await insertRawDocument(collection, document, options);
    else await collection.insertOne(document, writeOptions);
    return { kind: 'done' };
  }
  const list = first as (Document | RawDocument)[];
  const raw = rawDocuments(name, list);
  if (raw !== undefined) {
    return await bulk(() => insertRawDocuments(collection, raw, options), isAnInsert);
  }
  const operations = (
    name === 'collection.insertMany'
      ? list.map((document) => ({ insertOne: { document } }))
      : list.map(decoded)
  ) as AnyBulkWriteOperation[];
  return await bulk(
    () => collection.bulkWrite(operations, writeOptions),
    (index) => operations[index] !== undefined && 'insertOne' in operations[index],
  );
}

/**
 * Runs a bulk write, and leaves inserted ids and documents out of its result or error: the main thread has them.
 *
 * @param inserts - returns whether the operation at this index inserts
 */
async function bulk(
  execute: () => Promise<BulkWriteResult>,
  inserts: (index: number) => boolean,
): Promise<Outcome> {
  try {
    return { kind: 'value', value: withoutInsertedIds(await execute()) };
  } catch (error) {
    if ((error as Error).name === 'MongoBulkWriteError') {
      stripInserted(error as MongoBulkWriteError, inserts);
    }
    throw error;
  }
}

/** For a bulk write of inserts only. */
function isAnInsert(): boolean {
  return true;
}

/** Returns the documents of a write that only inserts, if they arrived as bytes. */
function rawDocuments(
  name: 'collection.insertMany' | 'collection.bulkWrite' | 'collection.bulkStatements',
  list: readonly (Document | RawDocument)[],
): RawDocument[] | undefined {
  if (!(list[0] instanceof RawDocument)) return undefined;
  const inBytes = list as RawDocument[];
  return name === 'collection.insertMany' ? inBytes : onlyInserts(name, inBytes);
}

function decoded(operation: Document | RawDocument): Document {
  return operation instanceof RawDocument ? operation.toBSON() : operation;
}

/** One statement of a bulk operation that was built on the main thread. */
interface BulkStatement {
  /** BatchType */
  t: BatchType;
  /** The document to insert, or the update or delete statement. */
  d: Document;
}

/** Runs a bulk operation built by `initializeOrderedBulkOp` or `initializeUnorderedBulkOp`. */
export async function bulkStatements(
  { collection }: Target,
  [first]: unknown[],
  options: Document,
): Promise<Outcome> {
  if (collection === undefined)
    throw new TypeError('the target of a collection operation is missing');
  const list = first as (Document | RawDocument)[];
  const raw = rawDocuments('collection.bulkStatements', list);
  if (raw !== undefined) {
    return await bulk(() => insertRawDocuments(collection, raw, options), isAnInsert);
  }
  const statements = list.map(decoded) as BulkStatement[];
  return await bulk(
    () =>
      executeBulk(collection, options, (operation) => {
        for (const { t, d } of statements) operation.addToOperationsList(t, d);
      }),
    // With `raw: true` the driver cannot tell which operation failed.
    (index) => statements[index]?.t === INSERT,
  );
}

function withoutInsertedIds(result: BulkWriteResult): Document {
  const raw: Document = { ...result.getRawResponse() };
  delete raw.insertedIds;
  return raw;
}

function stripInserted(error: MongoBulkWriteError, inserts: (index: number) => boolean): void {
  const raw = error.result.getRawResponse() as { insertedIds?: unknown[] };
  raw.insertedIds = [];
  (error.result as { insertedIds: Document }).insertedIds = {};
  for (const { err } of writeErrorsIn(error)) {
    if (inserts(err.index)) delete (err as { op?: unknown }).op;
  }
}
