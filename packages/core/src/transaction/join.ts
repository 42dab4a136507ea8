import type { ClientSession, Document, MongoClient } from 'mongodb';

import {
  CallSite,
  forgotten,
  ForgottenSessionError,
  TransactionEndedError,
  warnOnceAt,
} from '../errors';
import type { OpenTransaction } from './open-transaction';
import { noteUse, scopeHere, scopes } from './scope';

/**
 * Returns an operation's options, with the session of the transaction that it joins by its async context, if any. Call
 * it only if `scopes.used`.
 *
 * @throws TransactionEndedError if that transaction has ended; ForgottenSessionError
 */
export function joined<Options extends Document | null | undefined>(
  client: MongoClient,
  options: Options,
  what: string,
): Options | Document {
  if (options != null && typeof options !== 'object') return options;
  const given = options?.session as ClientSession | null | undefined;
  if (given === null) return options;
  if (given !== undefined) {
    noteUse(given);
    return options;
  }
  const session = sessionHere(client, what);
  return session === undefined ? options : { ...options, session };
}

/**
 * Returns the session that an operation without one gets from its async context.
 *
 * @param made - where the operation's cursor was made, if that was in a transaction
 */
export function sessionHere(
  client: MongoClient,
  what: string,
  made?: CallSite,
): ClientSession | undefined {
  if (!scopes.used) return undefined;
  let site = made;
  let reported = false;
  for (let scope = scopeHere(); scope !== undefined; scope = scope.outer) {
    const { transaction, role } = scope;
    if (transaction.client !== client) continue;
    if (role === 'holds') return undefined;
    if (role === 'joins') {
      if (transaction.over) throw new TransactionEndedError(what);
      return transaction.session;
    }
    if (transaction.over || reported) continue;
    site ??= new CallSite();
    if (role === 'suspects' && !transaction.isOwnedBy(site)) continue;
    reported = true;
    reportForgotten(transaction, what, site);
  }
  return undefined;
}

function reportForgotten(transaction: OpenTransaction, what: string, { line }: CallSite): void {
  if (transaction.forgotten === 'error') throw new ForgottenSessionError(what, line);
  warnOnceAt(
    line,
    what,
    `${forgotten(what, line)}, so it runs outside the transaction. Pass { session }, or { session: null } if that ` +
      'is intended. client.transaction() passes the session by itself. ' +
      "offload.forgottenSession: 'off' turns these warnings off.",
    'MONGO_OFFLOAD_FORGOTTEN_SESSION',
  );
}

/** Returns the transaction that an operation of the client joins in this async context. */
export function transactionHere(client: MongoClient): OpenTransaction | undefined {
  if (!scopes.used) return undefined;
  for (let scope = scopeHere(); scope !== undefined; scope = scope.outer) {
    if (scope.role === 'joins' && scope.transaction.client === client) return scope.transaction;
  }
  return undefined;
}

/** Returns whether an operation without a session may be reported as forgotten in this async context. */
export function isGuardedHere(client: MongoClient): boolean {
  for (let scope = scopeHere(); scope !== undefined; scope = scope.outer) {
    const { transaction, role } = scope;
    if (transaction.client !== client || transaction.over) continue;
    if (role === 'guards' || role === 'suspects') return true;
  }
  return false;
}
