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

/** The turn that a commit or an abort has, and what gives it up. */
interface Turn {
  readonly signal: AbortSignal | undefined;
  readonly hold: Hold;
}

/**
 * Commits a session's transaction in its worker, after the operations called before.
 *
 * @param native - the driver's own method: for what the worker has never heard of
 * @throws with the label UnknownTransactionCommitResult where the server may have committed it
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
  if (tie.signal?.aborted === true) throw new MongoTransactionError('withTransaction was given up');
  const limits = limitsOf(tie, 'session.commitTransaction', options);
  const { signal, release } = eitherSignal(limits.signal, tie.signal);
  try {
    await transaction.commit((hold) => commit(session, tie, native, { signal, hold }), signal);
  } finally {
    release();
    limits.end();
  }
}

async function commit(session: ClientSession, tie: Tie, native: Native, turn: Turn): Promise<void> {
  const link = inWorker(session, tie, 'TRANSACTION_IN_PROGRESS', 'TRANSACTION_COMMITTED');
  if (link === undefined) {
    const ending = here('session.commitTransaction', session, tie, native);
    return await untilAborted(ending, turn.signal);
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
      if (tie.startedAt !== undefined) await abort(session, tie, native, turn);
      throw lost;
    }
    link.moveTransaction();
  }
  try {
    await tie.client.callOnSession('session.commitTransaction', link, turn);
  } catch (error) {
    const { signal } = turn;
    // Trying again is useless. Without the label, `withTransaction` ends.
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

/** Aborts a session's transaction after its operation in flight. Operations that wait are never sent. */
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
  // It is not known when, nor whether, that ends, and the caller has waited long enough.
  if (link !== undefined && session.inTransaction() && transaction.givenUp !== undefined) {
    limits.end();
    return leaveToServer(session, link, transaction.givenUp);
  }
  const { signal } = limits;
  try {
    await transaction.abort((hold) => abort(session, tie, native, { signal, hold }), signal);
  } catch (error) {
    if (link === undefined || signal?.aborted !== true || error !== signal.reason) throw error;
    leaveToServer(session, link, transaction.givenUp);
    // The limit of the client's is no reason for an abort, which never fails, to do so.
    if (!(error instanceof DeadlineExceededError) || options?.deadlineMS !== undefined) throw error;
  } finally {
    limits.end();
  }
}

/**
 * An abort for whose answer nobody waits: as with the driver, one that fails is the server's to make
 * up for. The worker aborts when what is under way there has ended; at the server, the session's next
 * transaction does.
 */
function leaveToServer(
  session: ClientSession,
  link: SessionLink,
  underWay: Promise<unknown> | undefined,
): void {
  sessionInternals(session).transaction.state = 'TRANSACTION_ABORTED';
  link.abandon(underWay);
}

async function abort(session: ClientSession, tie: Tie, native: Native, turn: Turn): Promise<void> {
  const link = inWorker(session, tie, 'STARTING_TRANSACTION', 'TRANSACTION_IN_PROGRESS');
  if (link === undefined) {
    const ending = here('session.abortTransaction', session, tie, native);
    return await untilAborted(ending, turn.signal);
  }
  const { transaction } = sessionInternals(session);
  try {
    // Another worker tells the server, which would else keep it, and its locks, for a minute.
    if (link.isLost) {
      transaction.state = 'TRANSACTION_IN_PROGRESS';
      link.moveTransaction();
    } else if (transaction.state !== 'TRANSACTION_IN_PROGRESS') {
      return await endEmpty(link, native);
    }
    await tie.client.callOnSession('session.abortTransaction', link, turn);
  } catch (error) {
    // The server aborts what no client goes on with: there is nothing that a program could do.
    if (!(error instanceof WorkerLostError)) throw error;
    transaction.state = 'TRANSACTION_ABORTED';
  }
}

/** Without a worker: a client that runs here, or a transaction of which no server has heard. */
async function here(
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

/** The link, where the worker has the transaction; elsewhere the driver's own method knows what to do. */
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
