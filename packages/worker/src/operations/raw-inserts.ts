import {
  MongoInvalidArgumentError,
  type BulkWriteResult,
  type Collection,
  type Document,
  type MongoClient,
} from 'mongodb';

import { decodeFaithful } from '../codec';
import { int32 } from './int32';

/**
 * A document to be inserted, as the bytes that the main thread made of it. They are sent as they are; wherever else
 * the driver looks, it is a document that serializes to them.
 */
export class RawDocument {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  toBSON(): Document {
    return decodeFaithful(this.#bytes);
  }
}

const INSERT_ONE = Buffer.from('\x03insertOne\0');
const DOCUMENT = Buffer.from('\x03document\0');
/** Where things are in `{ insertOne: { document } }`: each document begins with its length, of four bytes. */
const INNER_AT = 4 + INSERT_ONE.length;
const DOCUMENT_AT = INNER_AT + 4 + DOCUMENT.length;

/** The documents of a bulk write that does nothing but insert them, in bytes; undefined for any other. */
export function onlyInserts(operations: readonly RawDocument[]): RawDocument[] | undefined {
  const documents: RawDocument[] = [];
  for (const { bytes } of operations) {
    // Behind the document there are the ends of the two around it, and nothing else.
    if (
      !startsWith(bytes, 4, INSERT_ONE) ||
      !startsWith(bytes, INNER_AT + 4, DOCUMENT) ||
      DOCUMENT_AT + int32(bytes, DOCUMENT_AT) + 2 !== bytes.length
    ) {
      return undefined;
    }
    documents.push(new RawDocument(bytes.subarray(DOCUMENT_AT, -2)));
  }
  return documents;
}

function startsWith(bytes: Uint8Array, at: number, expected: Uint8Array): boolean {
  return bytes.length > at + expected.length && expected.every((byte, i) => bytes[at + i] === byte);
}

/** What the driver's bulk operations gather, and its insert operation, which takes documents in bytes with them. */
interface Batch {
  operations: unknown[];
  serializedOperations?: Uint8Array[];
  originalIndexes: number[];
}
interface BulkState {
  batches: Batch[];
  currentIndex: number;
  maxBsonObjectSize: number;
  maxBatchSizeBytes: number;
  maxWriteBatchSize: number;
  maxKeySize: number;
}
interface InsertOperation {
  serializedOperations?: Uint8Array[];
}

const INSERT = 1;

const internals = load();

function load():
  | {
      Batch: new (type: number, originalIndex: number) => Batch;
      InsertOneOperation: new (
        collection: Collection,
        document: unknown,
        options: Document,
      ) => InsertOperation;
      executeOperation: (client: MongoClient, operation: InsertOperation) => Promise<unknown>;
      resolveOptions: (parent: Collection, options: Document) => Document;
    }
  | undefined {
  try {
    /* eslint-disable @typescript-eslint/no-require-imports -- the package has no ES exports of these */
    const { Batch } = require('mongodb/lib/bulk/common') as {
      Batch: new (type: number, originalIndex: number) => Batch;
    };
    const { InsertOperation, InsertOneOperation } = require('mongodb/lib/operations/insert') as {
      InsertOperation: { length: number };
      InsertOneOperation: new () => InsertOperation;
    };
    const { executeOperation } = require('mongodb/lib/operations/execute_operation') as {
      executeOperation: unknown;
    };
    const { resolveOptions } = require('mongodb/lib/utils') as { resolveOptions: unknown };
    /* eslint-enable @typescript-eslint/no-require-imports */
    const known =
      Array.isArray(new Batch(INSERT, 0).serializedOperations) &&
      InsertOperation.length === 4 &&
      typeof executeOperation === 'function' &&
      typeof resolveOptions === 'function';
    return known
      ? ({ Batch, InsertOneOperation, executeOperation, resolveOptions } as never)
      : undefined;
  } catch {
    return undefined;
  }
}

/** What is a little too large, the server refuses with its own error; at more it would end the connection. */
const LARGEST_SENT = 17 * 1024 * 1024;

function tooLarge(limit: number): MongoInvalidArgumentError {
  return new MongoInvalidArgumentError(`Document is larger than the maximum size ${limit}`);
}

/** Whether this version of the driver sends documents that are bytes already: 7.9 and later. */
export const sendsBytes = internals !== undefined;

/** Inserts one document; the driver's own operation sends its bytes. */
export async function insertRawDocument(
  collection: Collection,
  document: RawDocument,
  options: Document,
): Promise<void> {
  if (document.bytes.length > LARGEST_SENT) throw tooLarge(LARGEST_SENT);
  const { InsertOneOperation, executeOperation, resolveOptions } = internals!;
  const operation = new InsertOneOperation(
    collection,
    document,
    resolveOptions(collection, { ...options, forceServerObjectId: true }),
  );
  operation.serializedOperations = [document.bytes];
  await executeOperation(collection.db.client, operation);
}

/**
 * Inserts many documents by a bulk operation of the driver's, which splits them by the same limits as ever; only
 * that no document is serialized for it.
 *
 * @throws MongoInvalidArgumentError for a document that no server takes
 */
export async function insertRawDocuments(
  collection: Collection,
  documents: readonly RawDocument[],
  { session, ...options }: Document,
): Promise<BulkWriteResult> {
  // A bulk operation reads its limits off the topology when it is made.
  await collection.db.client.connect();
  const settings = {
    ...options,
    ...(session === undefined ? {} : { session: session as never }),
    forceServerObjectId: true,
  };
  const bulk =
    options.ordered === false
      ? collection.initializeUnorderedBulkOp(settings)
      : collection.initializeOrderedBulkOp(settings);
  fill((bulk as unknown as { s: BulkState }).s, documents);
  return await bulk.execute(settings);
}

function fill(state: BulkState, documents: readonly RawDocument[]): void {
  const { maxBsonObjectSize, maxBatchSizeBytes, maxWriteBatchSize, maxKeySize } = state;
  let batch: Batch | undefined;
  let size = 0;
  documents.forEach((document, index) => {
    const { bytes } = document;
    if (bytes.length >= maxBsonObjectSize) {
      throw tooLarge(maxBsonObjectSize);
    }
    const full =
      batch !== undefined &&
      (batch.operations.length + 1 >= maxWriteBatchSize ||
        size + maxKeySize + bytes.length >= maxBatchSizeBytes);
    if (batch === undefined || full) {
      batch = new internals!.Batch(INSERT, index);
      state.batches.push(batch);
      size = 0;
    }
    batch.originalIndexes.push(index);
    batch.operations.push(document);
    batch.serializedOperations!.push(bytes);
    size += maxKeySize + bytes.length;
  });
  state.currentIndex = documents.length;
}
