import {
  MongoInvalidArgumentError,
  type BulkWriteResult,
  type Collection,
  type Document,
} from 'mongodb';

import { decodeFaithful, int32 } from '../codec';
import { INSERT, operationModule, rawInsertParts, type BulkBatch, type BulkState } from '../driver';
import { executeBulk } from './execute-bulk';

/**
 * A document to insert, as the bytes that the main thread encoded. The driver sends these bytes. Other parts of the
 * driver see a document that serializes to them.
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

/**
 * The elements around an inserted document: the type and key of each. Each follows the length of its document, four
 * bytes.
 */
const AROUND = {
  /** `{ insertOne: { document } }` */
  'collection.bulkWrite': [Buffer.from('\x03insertOne\0'), Buffer.from('\x03document\0')],
  /** `{ t: 1, d }` */
  'collection.bulkStatements': [Buffer.from('\x10t\0\x01\0\0\0\x03d\0')],
};

/** Returns the documents of a bulk write that only inserts, as bytes; undefined for any other. */
export function onlyInserts(
  name: keyof typeof AROUND,
  operations: readonly RawDocument[],
): RawDocument[] | undefined {
  const documents: RawDocument[] = [];
  for (const { bytes } of operations) {
    let at = 0;
    for (const element of AROUND[name]) {
      at += 4;
      if (!startsWith(bytes, at, element)) return undefined;
      at += element.length;
    }
    const end = at + int32(bytes, at);
    // Only the zeros that end the documents around it may follow.
    if (end + AROUND[name].length !== bytes.length) return undefined;
    documents.push(new RawDocument(bytes.subarray(at, end)));
  }
  return documents;
}

function startsWith(bytes: Uint8Array, at: number, expected: Uint8Array): boolean {
  return bytes.length > at + expected.length && expected.every((byte, i) => bytes[at + i] === byte);
}

/** A larger document is not sent: the server would end the connection. Up to this size it answers with an error. */
const LARGEST_SENT = 17 * 1024 * 1024;

function tooLarge(limit: number): MongoInvalidArgumentError {
  return new MongoInvalidArgumentError(`Document is larger than the maximum size ${limit}`);
}

/** Whether this version of the driver can send documents as bytes: 7.9 and later. */
export const sendsBytes = rawInsertParts !== undefined;

/** Inserts one document with the driver's operation, which sends its bytes. */
export async function insertRawDocument(
  collection: Collection,
  document: RawDocument,
  options: Document,
): Promise<void> {
  if (document.bytes.length > LARGEST_SENT) throw tooLarge(LARGEST_SENT);
  const { InsertOneOperation, resolveOptions } = rawInsertParts!;
  const operation = new InsertOneOperation(
    collection,
    document,
    resolveOptions(collection, { ...options, forceServerObjectId: true }),
  );
  operation.serializedOperations = [document.bytes];
  await operationModule.executeOperation(collection.db.client, operation);
}

/**
 * Inserts many documents with a bulk operation of the driver. They are split by the driver's limits, but none is
 * serialized again.
 *
 * @throws MongoInvalidArgumentError for a document that is larger than the server's limit
 */
export async function insertRawDocuments(
  collection: Collection,
  documents: readonly RawDocument[],
  options: Document,
): Promise<BulkWriteResult> {
  return await executeBulk(collection, options, (bulk) => {
    fill((bulk as unknown as { s: BulkState }).s, documents);
  });
}

function fill(state: BulkState, documents: readonly RawDocument[]): void {
  const { maxBsonObjectSize, maxBatchSizeBytes, maxWriteBatchSize, maxKeySize } = state;
  let batch: BulkBatch | undefined;
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
      batch = new rawInsertParts!.Batch(INSERT, index);
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
