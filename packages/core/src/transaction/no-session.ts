import type { ClientSession } from 'mongodb';

/**
 * `null`, as the option `session` of an operation that is to run outside of the transaction around it.
 * The driver's types have no `null` there, though the driver takes it.
 *
 * @example
 * ```ts
 * await client.transaction(async () => {
 *   await orders.insertOne(order);
 *   await attempts.insertOne({ at: new Date() }, { session: NO_SESSION }); // stays, whatever becomes of the order
 * });
 * ```
 */
export const NO_SESSION = null as unknown as ClientSession;
