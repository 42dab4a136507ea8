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
 * What the async context means for an operation of a client: its options with the session of the
 * transaction that it joins, or as they are. To be called where `scopes.used`.
 *
 * @throws TransactionEndedError where it would join one that has ended; ForgottenSessionError
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
 * The session that an operation without one gets from its async context.
 *
 * @param made - where what it belongs to (a cursor) was made, if that was in a transaction
 */
export function sessionHere(
  client: MongoClient,
  what: string,
  made?: CallSite,
): ClientSession | undefined {
  if (!scopes.used) return undefined;
  let site = made;
  let noticed = false;
  for (let scope = scopeHere(); scope !== undefined; scope = scope.outer) {
    const { transaction, role } = scope;
    if (transaction.client !== client) continue;
    if (role === 'holds') return undefined;
    if (role === 'joins') {
      if (transaction.over) throw new TransactionEndedError(what);
      return transaction.session;
    }
    if (transaction.over || noticed) continue;
    site ??= new CallSite();
    if (role === 'suspects' && !transaction.isOwnedBy(site)) continue;
    noticed = true;
    notice(transaction, what, site);
  }
  return undefined;
}

function notice(transaction: OpenTransaction, what: string, { line }: CallSite): void {
  if (transaction.forgotten === 'error') throw new ForgottenSessionError(what, line);
  warnOnceAt(
    line,
    what,
    `${forgotten(what, line)}, so it is not part of it. Give it { session }, or { session: null } if it is to ` +
      "run outside. client.transaction() needs neither; offload.forgottenSession: 'off' ends these warnings.",
    'MONGO_OFFLOAD_FORGOTTEN_SESSION',
  );
}

/** The transaction that an operation of a client would join here. */
export function transactionHere(client: MongoClient): OpenTransaction | undefined {
  if (!scopes.used) return undefined;
  for (let scope = scopeHere(); scope !== undefined; scope = scope.outer) {
    if (scope.role === 'joins' && scope.transaction.client === client) return scope.transaction;
  }
  return undefined;
}

/** Whether an operation that is called here may be noticed as one whose session was forgotten. */
export function isGuardedHere(client: MongoClient): boolean {
  for (let scope = scopeHere(); scope !== undefined; scope = scope.outer) {
    const { transaction, role } = scope;
    if (transaction.client !== client || transaction.over) continue;
    if (role === 'guards' || role === 'suspects') return true;
  }
  return false;
}
