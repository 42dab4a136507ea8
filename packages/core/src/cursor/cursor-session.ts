import type { AbstractCursor, ClientSession, Document } from 'mongodb';

import { clientOf } from '../driver';
import { CallSite, TransactionEndedError } from '../errors';
import {
  isGuardedHere,
  noteUse,
  sessionHere,
  transactionHere,
  type OpenTransaction,
} from '../transaction';
import { givenSession } from './remote';

/** What the place where a cursor was made means for its session. */
interface Origin {
  /** `session: null`: it is to be read outside of any transaction. */
  readonly optedOut?: true;
  /** The transaction that it takes part in, whenever it is read. */
  readonly transaction?: OpenTransaction;
  /** Where it was made, if that was where a session could be forgotten: it is that line which lacks it. */
  readonly site?: CallSite;
}

const origins = new WeakMap<AbstractCursor, Origin>();

/** A cursor has been made with these options. To be called where `scopes.used`. */
export function rememberOrigin(cursor: AbstractCursor, options: Document | undefined): void {
  const session = options?.session as ClientSession | null | undefined;
  if (session === null) {
    origins.set(cursor, { optedOut: true });
  } else if (session !== undefined) {
    noteUse(session);
  } else {
    const client = clientOf(cursor);
    const transaction = transactionHere(client);
    if (transaction !== undefined) origins.set(cursor, { transaction });
    else if (isGuardedHere(client)) origins.set(cursor, { site: new CallSite() });
  }
}

/**
 * The session with which a cursor reads: its own, or that of the transaction in which it was made or
 * is read for the first time. To be called where `scopes.used`.
 *
 * @throws TransactionEndedError where that has ended; ForgottenSessionError
 */
export function sessionForReading(cursor: AbstractCursor, what: string): ClientSession | undefined {
  const given = givenSession(cursor);
  if (given != null) return given;
  const origin = origins.get(cursor);
  if (origin?.optedOut === true) return undefined;
  if (origin?.transaction === undefined) return sessionHere(clientOf(cursor), what, origin?.site);
  if (origin.transaction.over) throw new TransactionEndedError(what);
  return origin.transaction.session;
}
