import type { BSONSerializeOptions, BulkWriteOptions, Document } from 'mongodb';

import { encodeListArguments } from '../calls/arguments';
import { documentList, type List } from '../calls/encode-list';
import type { EncodedCall } from '../calls/encoded-call';
import type { BulkBatch, BulkInternals } from '../driver/internals';
import { serializing } from '../facade/offload-method';

interface Place {
  readonly batch: BulkBatch;
  readonly at: number;
  /** The operations of the batch as they were when they were added. */
  readonly bytes: readonly Uint8Array[] | undefined;
}

/** The statements of a bulk operation, in the order in which they were added. */
export class Statements {
  /** Whether they are sent as the driver encoded them when they were added. */
  readonly areEncoded: boolean;
  readonly #batches: readonly BulkBatch[];
  readonly #places: Place[] = [];
  readonly #bson: BSONSerializeOptions;

  /** @param options - of the bulk operation and of its execution */
  constructor({ batches, s }: BulkInternals, options: BulkWriteOptions) {
    this.#batches = batches;
    this.#bson = serializing(options, s.bsonOptions);
    for (const batch of batches) {
      const bytes = batch.serializedOperations;
      batch.originalIndexes.forEach((index, at) => (this.#places[index] = { batch, at, bytes }));
    }
    // As in the driver: what it encoded is not sent when other options apply now. Older drivers encode nothing before.
    this.areEncoded =
      s.usingAutoEncryption !== true &&
      this.#bson.ignoreUndefined === s.bsonOptions.ignoreUndefined &&
      this.#bson.serializeFunctions === s.bsonOptions.serializeFunctions &&
      (options.checkKeys ?? false) === s.checkKeys &&
      batches.every((batch) => batch.serializedOperations?.length === batch.operations.length);
  }

  /** The document, or the update or delete statement, of this index. */
  operation(index: number): Document {
    const { batch, at } = this.#places[index];
    return batch.operations[at];
  }

  /**
   * Encodes the call. The bulk operation keeps the bytes that the driver made no longer.
   *
   * @param sliceMS - as `encodeListCall` takes it
   */
  encode(
    options: Document | undefined,
    sliceMS: number | undefined,
  ): EncodedCall | Promise<EncodedCall> {
    for (const batch of this.#batches) {
      if (batch.serializedOperations !== undefined) batch.serializedOperations = [];
    }
    const list = this.areEncoded ? this.#asAdded() : this.#asTheyAre();
    return encodeListArguments(list, options, this.#bson, sliceMS);
  }

  #asAdded(): List {
    const places = this.#places;
    return {
      length: places.length,
      write(writer, index, largest) {
        const { batch, at, bytes } = places[index];
        writer.wrapped(headOf(batch.batchType), bytes![at], largest);
      },
    };
  }

  #asTheyAre(): List {
    const statements = this.#places.map(({ batch, at }) => ({
      t: batch.batchType,
      d: batch.operations[at],
    }));
    return documentList(statements, this.#bson);
  }
}

const heads: Uint8Array[] = [];

/** What is before the statement `d` in `{ t, d }`: the type of the batch, and the key. */
function headOf(batchType: number): Uint8Array {
  return (heads[batchType] ??= Buffer.from([16, 116, 0, batchType, 0, 0, 0, 3, 100, 0]));
}
