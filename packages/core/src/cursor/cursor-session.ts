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

/** What a cursor's session depends on: where it was made. */
interface Origin {
  /** The cursor has `session: null`, so it is read outside any transaction. */
  readonly optedOut?: true;
  /** The transaction that it takes part in, whenever it is read. Its async context named it. */
  readonly transaction?: OpenTransaction;
  /** Where it was made, if a session could have been forgotten there: a warning names that line. */
  readonly site?: CallSite;
}

const origins = new WeakMap<AbstractCursor, Origin>();

/** Remembers where a cursor was made, and with which session. Call it only if `scopes.used`. */
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
 * Returns the session with which a cursor reads: its own, or that of the transaction in which it was made or is first
 * read. Call it only if `scopes.used`.
 *
 * @throws TransactionEndedError if that transaction has ended; ForgottenSessionError
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
