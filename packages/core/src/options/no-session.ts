import type { ClientSession, Document } from 'mongodb';

/**
 * As the `session` option of an operation, it makes the operation run outside of the transaction around it. It means
 * the same as `session: null`, which the driver accepts but its types do not.
 *
 * @example
 * ```ts
 * await client.transaction(async () => {
 *   await orders.insertOne(order);
 *   await attempts.insertOne({ at: new Date() }, { session: NO_SESSION }); // stays even if the order is aborted
 * });
 * ```
 */
export const NO_SESSION = Symbol.for('mongo-offload.NO_SESSION') as unknown as ClientSession;

/** Returns the options as the driver takes them: `session: null` in place of NO_SESSION. */
export function withDriversSession<Options>(options: Options): Options {
  // The export is not null itself, since libraries that merge exports by assignment fail on null.
  const { session } = (options ?? {}) as Document;
  return session === NO_SESSION ? { ...options, session: null } : options;
}
