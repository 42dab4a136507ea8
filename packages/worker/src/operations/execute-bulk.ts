import type { BulkOperationBase, BulkWriteResult, Collection, Document } from 'mongodb';

/**
 * Executes a bulk operation of the driver's. The main thread has put an `_id` into every document that is to have one.
 *
 * @param fill - puts into the operation what it is to do
 */
export async function executeBulk(
  collection: Collection,
  { session, ...options }: Document,
  fill: (bulk: BulkOperationBase) => void,
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
  fill(bulk);
  return await bulk.execute(settings);
}
