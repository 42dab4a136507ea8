import type { Collection, Document } from 'mongodb';

type Method = (...args: unknown[]) => unknown;

/** Position of the options among the arguments of each method that GridFS calls. */
const OPTIONS_AT = {
  insertOne: 1,
  find: 1,
  findOne: 1,
  listIndexes: 0,
  createIndex: 2,
  deleteOne: 1,
  deleteMany: 1,
  drop: 0,
} as const;

/** Returns a view of a collection that adds a signal to each of its operations. */
export function limitedCollection<TSchema extends Document>(
  collection: Collection<TSchema>,
  signal: AbortSignal,
): Collection<TSchema> {
  const limited = Object.create(collection) as Collection<TSchema>;
  for (const [name, at] of Object.entries(OPTIONS_AT)) {
    const method = (collection as unknown as Record<string, Method>)[name];
    Object.defineProperty(limited, name, {
      configurable: true,
      value: (...args: unknown[]): unknown => {
        const all = Array.from({ length: at + 1 }, (_, i) => args[i]);
        all[at] = { ...(all[at] as Document | undefined), signal };
        return method.apply(collection, all);
      },
    });
  }
  return limited;
}
