import type { ClientSession, Document } from 'mongodb';

/**
 * As the option `session` of an operation: it runs outside of the transaction around it, as with `session: null`, which the
 * driver takes and its types do not have.
 *
 * @example
 * ```ts
 * await client.transaction(async () => {
 *   await orders.insertOne(order);
 *   await attempts.insertOne({ at: new Date() }, { session: NO_SESSION }); // stays, whatever becomes of the order
 * });
 * ```
 */
export const NO_SESSION = Symbol.for('mongo-offload.NO_SESSION') as unknown as ClientSession;

/** The options as the driver takes them: null where they say that there is to be no session. */
export function withDriversSession<Options>(options: Options): Options {
  // Libraries merge exports by assignment, and stumble over one that is null: so the driver's null has another name.
  const { session } = (options ?? {}) as Document;
  return session === NO_SESSION ? { ...options, session: null } : options;
}
