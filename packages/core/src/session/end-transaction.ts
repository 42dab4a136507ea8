import {
  MongoError,
  MongoExpiredSessionError,
  MongoTransactionError,
  type ClientSession,
} from 'mongodb';

import { eitherSignal, Limits, untilAborted } from '../abort';
import { sessionInternals } from '../driver';
import { DeadlineExceededError, WorkerLostError } from '../errors';
import { tracedOnMain } from '../tracing';
import { readingOptionsOf, type OwnOptions } from '../options';
import { lastTransaction, type Hold } from '../transaction';
import type { Tie } from './client-session';
import type { SessionLink } from '../client';

type Native = () => Promise<void>;

/** The place of a commit or an abort in the transaction queue, and the signal that ends its wait. */
interface Ending {
  readonly signal: AbortSignal | undefined;
  readonly hold: Hold;
}

/**
 * Commits a session's transaction in its worker, after the operations called before.
 *
 * @param native - the driver's own method, for a transaction that no worker knows
 * @throws with the label UnknownTransactionCommitResult if the server may have committed the transaction
 */
export async function commitTransaction(
  session: ClientSession,
  tie: Tie | undefined,
  native: Native,
  options: OwnOptions | undefined,
): Promise<void> {
  const transaction = lastTransaction(session);
  if (tie === undefined || transaction === undefined) return await native();
  // If the caller has aborted `withTransaction`, its error may ask for another try of the commit.
  if (tie.signal?.aborted === true) throw new MongoTransactionError('withTransaction was aborted');
  const limits = limitsOf(tie, 'session.commitTransaction', options);
  const { signal, release } = eitherSignal(limits.signal, tie.signal);
  try {
    await transaction.commit((hold) => commit(session, tie, native, { signal, hold }), signal);
  } finally {
    release();
    limits.end();
  }
}

async function commit(
  session: ClientSession,
  tie: Tie,
  native: Native,
  ending: Ending,
): Promise<void> {
  const link = inWorker(session, tie, 'TRANSACTION_IN_PROGRESS', 'TRANSACTION_COMMITTED');
  if (link === undefined) {
    const done = onMain('session.commitTransaction', session, tie, native);
    return await untilAborted(done, ending.signal);
  }
  if (session.hasEnded) {
    throw new MongoExpiredSessionError('Use of expired sessions is not permitted');
  }
  const { transaction } = sessionInternals(session);
  if (link.isLost) {
    // The results of the lost worker's operations are unknown, so the transaction must not be committed. A commit that
    // was sent before may be sent again.
    if (transaction.isActive) {
      const lost = link.lost();
      // The error's label makes `withTransaction` start another transaction at once; an application may abort this one.
      if (tie.startedAt !== undefined) await abort(session, tie, native, ending);
      throw lost;
    }
    link.moveTransaction();
  }
  try {
    await tie.client.callOnSession('session.commitTransaction', link, ending);
  } catch (error) {
    const { signal } = ending;
    // A retry cannot succeed. Without the label, `withTransaction` does not retry.
    if (error instanceof WorkerLostError && link.lane?.isHopeless === true) {
      throw new WorkerLostError('session.commitTransaction', {
        write: true,
        cause: error.cause,
        notStarted: true,
      });
    }
    if (error instanceof WorkerLostError || (signal?.aborted === true && error === signal.reason)) {
      transaction.state = 'TRANSACTION_COMMITTED';
      if (error instanceof MongoError) error.addErrorLabel('UnknownTransactionCommitResult');
    }
    throw error;
  }
}

/** Aborts a session's transaction after its operation in flight. Operations that still wait are never sent. */
export async function abortTransaction(
  session: ClientSession,
  tie: Tie | undefined,
  native: Native,
  options: OwnOptions | undefined,
): Promise<void> {
  const transaction = lastTransaction(session);
  if (tie === undefined || transaction === undefined) return await native();
  const limits = limitsOf(tie, 'session.abortTransaction', options);
  transaction.drop();
  const { session: link } = tie;
  // An operation whose caller stopped waiting is still in flight and may never end, so the abort does not wait for it.
  if (link !== undefined && session.inTransaction() && transaction.abandoned !== undefined) {
    limits.end();
    return leaveToServer(session, link, transaction.abandoned);
  }
  const { signal } = limits;
  try {
    await transaction.abort((hold) => abort(session, tie, native, { signal, hold }), signal);
  } catch (error) {
    if (link === undefined || signal?.aborted !== true || error !== signal.reason) throw error;
    leaveToServer(session, link, transaction.abandoned);
    // An abort never fails, so the client's own deadline does not make it reject. The caller's does.
    if (!(error instanceof DeadlineExceededError) || options?.deadlineMS !== undefined) throw error;
  } finally {
    limits.end();
  }
}

/**
 * Aborts a transaction without waiting for the reply. The worker sends the abort when the session's operation in flight
 * has ended. If that fails, the server aborts by itself, as with the driver: at its time limit, or at the session's
 * next transaction.
 */
function leaveToServer(
  session: ClientSession,
  link: SessionLink,
  underWay: Promise<unknown> | undefined,
): void {
  sessionInternals(session).transaction.state = 'TRANSACTION_ABORTED';
  link.abandon(underWay);
}

async function abort(
  session: ClientSession,
  tie: Tie,
  native: Native,
  ending: Ending,
): Promise<void> {
  const link = inWorker(session, tie, 'STARTING_TRANSACTION', 'TRANSACTION_IN_PROGRESS');
  if (link === undefined) {
    const done = onMain('session.abortTransaction', session, tie, native);
    return await untilAborted(done, ending.signal);
  }
  const { transaction } = sessionInternals(session);
  try {
    // Another worker sends the abort. Without it, the server would keep the transaction and its locks for a minute.
    if (link.isLost) {
      transaction.state = 'TRANSACTION_IN_PROGRESS';
      link.moveTransaction();
    } else if (transaction.state !== 'TRANSACTION_IN_PROGRESS') {
      return await endEmpty(link, native);
    }
    await tie.client.callOnSession('session.abortTransaction', link, ending);
  } catch (error) {
    // The server aborts a transaction that no client continues, so the application need not know.
    if (!(error instanceof WorkerLostError)) throw error;
    transaction.state = 'TRANSACTION_ABORTED';
  }
}

/** Ends a transaction without a worker: its client runs on the main thread, or the transaction sent nothing. */
async function onMain(
  what: string,
  session: ClientSession,
  { session: link }: Tie,
  native: Native,
): Promise<void> {
  await (link === undefined
    ? tracedOnMain(what, session, session, native)
    : endEmpty(link, native));
}

async function endEmpty(link: SessionLink, native: Native): Promise<void> {
  await native();
  link.noteEmptyEnd();
}

/** Returns the link if the worker has the transaction. If not, the driver's own method is to end it. */
function inWorker(
  session: ClientSession,
  { session: link }: Tie,
  ...states: string[]
): SessionLink | undefined {
  if (link?.lane === undefined) return undefined;
  return states.includes(sessionInternals(session).transaction.state) ? link : undefined;
}

function limitsOf({ client }: Tie, what: string, options: OwnOptions | undefined): Limits {
  readingOptionsOf(options);
  return new Limits(options, { what, write: true, defaults: client.offload });
}
