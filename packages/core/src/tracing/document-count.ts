type Counts = Record<string, number | undefined>;

/**
 * Returns the number of documents that an operation read, inserted, changed or deleted; undefined if it is unknown.
 *
 * @param result - the driver's result, or the server's reply from which the driver makes it
 */
export function documentCount(operation: string, result: unknown): number | undefined {
  switch (operation) {
    case 'collection.findOne':
      return result === null ? 0 : 1;
    case 'collection.findOneAndDelete':
    case 'collection.findOneAndReplace':
    case 'collection.findOneAndUpdate':
      return found(result);
    case 'collection.distinct':
      return Array.isArray(result) ? result.length : undefined;
    case 'collection.insertOne':
      return 1;
    case 'collection.insertMany':
    case 'collection.updateOne':
    case 'collection.updateMany':
    case 'collection.replaceOne':
    case 'collection.deleteOne':
    case 'collection.deleteMany':
    case 'collection.bulkWrite':
    case 'bulk.execute':
    case 'client.bulkWrite':
      return written(result);
    default:
      return undefined;
  }
}

/** Counts the document that was found. With `includeResultMetadata` it is the `value` of the reply. */
function found(result: unknown): number {
  if (result === null || typeof result !== 'object') return 0;
  if (!Object.hasOwn(result, 'lastErrorObject')) return 1;
  return (result as { value?: unknown }).value == null ? 0 : 1;
}

/** The names of the counts in the reply to a bulk write, and in the driver's results. */
const WRITTEN = [
  ['nInserted', 'insertedCount'],
  ['nModified', 'modifiedCount'],
  ['nUpserted', 'upsertedCount'],
  ['nRemoved', 'deletedCount'],
] as const;

function written(result: unknown): number | undefined {
  if (typeof result !== 'object' || result === null) return undefined;
  const counts = result as Counts & { acknowledged?: boolean };
  if (counts.acknowledged === false) return undefined;
  let all: number | undefined;
  for (const [inReply, inResult] of WRITTEN) {
    const count = counts[inReply] ?? counts[inResult];
    if (typeof count === 'number') all = (all ?? 0) + count;
  }
  return all;
}
