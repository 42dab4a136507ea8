import type { BulkOperationBase, BulkWriteResult, Collection, Document } from 'mongodb';

/**
 * Executes a bulk operation of the driver. The main thread has put an `_id` into every document that needs one.
 *
 * @param fill - adds the statements to the operation
 */
export async function executeBulk(
  collection: Collection,
  { session, ...options }: Document,
  fill: (bulk: BulkOperationBase) => void,
): Promise<BulkWriteResult> {
  // A bulk operation reads its limits from the topology when it is made.
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
  fill(bulk);
  return await bulk.execute(settings);
}
