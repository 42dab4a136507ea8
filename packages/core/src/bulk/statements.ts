import type { BSONSerializeOptions, BulkWriteOptions, Document } from 'mongodb';

import { encodeListArguments, documentList, type List, type EncodedCall } from '../calls';
import type { BulkBatch, BulkInternals } from '../driver';
import { serializing } from '../methods';

interface Place {
  readonly batch: BulkBatch;
  readonly at: number;
  /** The batch's operations, as encoded when they were added. */
  readonly bytes: readonly Uint8Array[] | undefined;
}

/** The statements of a bulk operation, in the order in which they were added. */
export class Statements {
  /** Whether to send the bytes that the driver made when the statements were added. */
  readonly areEncoded: boolean;
  readonly #batches: readonly BulkBatch[];
  readonly #places: Place[] = [];
  readonly #bson: BSONSerializeOptions;

  /** @param options - the bulk operation's options, merged with those of its `execute` */
  constructor({ batches, s }: BulkInternals, options: BulkWriteOptions) {
    this.#batches = batches;
    this.#bson = serializing(options, s.bsonOptions);
    for (const batch of batches) {
      const bytes = batch.serializedOperations;
      batch.originalIndexes.forEach((index, at) => (this.#places[index] = { batch, at, bytes }));
    }
    // As in the driver, other options at execution mean that statements are encoded again. Older drivers encode only at
    // execution.
    this.areEncoded =
      s.usingAutoEncryption !== true &&
      this.#bson.ignoreUndefined === s.bsonOptions.ignoreUndefined &&
      this.#bson.serializeFunctions === s.bsonOptions.serializeFunctions &&
      (options.checkKeys ?? false) === s.checkKeys &&
      batches.every((batch) => batch.serializedOperations?.length === batch.operations.length);
  }

  /** Returns the document, update or delete statement at this index. */
  operation(index: number): Document {
    const { batch, at } = this.#places[index];
    return batch.operations[at];
  }

  /**
   * Encodes the call. Afterwards the bulk operation no longer keeps the driver's bytes.
   *
   * @param sliceMS - see `encodeListCall`
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

/** The bytes before the statement `d` in `{ t, d }`: the batch type and the key. */
function headOf(batchType: number): Uint8Array {
  return (heads[batchType] ??= Buffer.from([16, 116, 0, batchType, 0, 0, 0, 3, 100, 0]));
}
