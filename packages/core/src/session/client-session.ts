import * as driver from 'mongodb';
import type { EndSessionOptions, TransactionOptions } from 'mongodb';

import type { ClientLink } from '../client/client-link';
import { sessionInternals } from '../driver/internals';
import { WorkerLostError } from '../errors';
import { ownAllMethods } from '../facade/own-prototype';
import { SessionLink } from './session-link';

interface Tie {
  readonly session: SessionLink;
  readonly client: ClientLink;
}

const ties = new WeakMap<driver.ClientSession, Tie>();

/**
 * The driver's ClientSession, whose operations run on one worker thread: the one that its first
 * operation chose. What a program reads of it (its id, its transaction's state, its times) is on
 * the main thread; committing and aborting happen in the worker.
 */
export class ClientSession extends driver.ClientSession {
  override startTransaction(options?: TransactionOptions): void {
    super.startTransaction(options);
    ties.get(this)?.session.noteTransaction();
  }

  override async commitTransaction(options?: { timeoutMS?: number }): Promise<void> {
    const tie = tieInTransaction(this, 'TRANSACTION_IN_PROGRESS', 'TRANSACTION_COMMITTED');
    if (tie === undefined) return await super.commitTransaction(options);
    const { transaction } = sessionInternals(this);
    if (tie.session.isLost) {
      // What the lost worker had under way in it is not known: it must not be committed. A commit
      // that was sent before may be sent again.
      if (transaction.isActive) throw tie.session.lost();
      tie.session.moveTransaction();
    }
    try {
      await tie.client.callOnSession('session.commitTransaction', tie.session);
    } catch (error) {
      if (error instanceof WorkerLostError) {
        transaction.state = 'TRANSACTION_COMMITTED';
        error.addErrorLabel('UnknownTransactionCommitResult');
      }
      throw error;
    }
  }

  override async abortTransaction(options?: { timeoutMS?: number }): Promise<void> {
    const tie = tieInTransaction(this, 'STARTING_TRANSACTION', 'TRANSACTION_IN_PROGRESS');
    if (tie === undefined) return await super.abortTransaction(options);
    const { transaction } = sessionInternals(this);
    try {
      // Another worker tells the server, which would else keep it, and its locks, for a minute.
      if (tie.session.isLost) {
        transaction.state = 'TRANSACTION_IN_PROGRESS';
        tie.session.moveTransaction();
      } else if (transaction.state !== 'TRANSACTION_IN_PROGRESS') {
        return await super.abortTransaction(options);
      }
      await tie.client.callOnSession('session.abortTransaction', tie.session);
    } catch (error) {
      // The server aborts what no client goes on with: there is nothing that a program could do.
      if (!(error instanceof WorkerLostError)) throw error;
      transaction.state = 'TRANSACTION_ABORTED';
    }
  }

  override async endSession(options?: EndSessionOptions): Promise<void> {
    const ended = this.hasEnded;
    await super.endSession(options);
    if (!ended) ties.get(this)?.session.end();
  }

  override advanceClusterTime(clusterTime: driver.ClusterTime): void {
    super.advanceClusterTime(clusterTime);
    ties.get(this)?.session.note({ clusterTime: this.clusterTime });
  }

  override advanceOperationTime(operationTime: driver.Timestamp): void {
    super.advanceOperationTime(operationTime);
    ties.get(this)?.session.note({ operationTime: this.operationTime });
  }
}

/**
 * The tie, where the worker has the transaction; elsewhere the driver's own method knows what to do.
 * (No private method: our sessions are made by the driver and then become ours.)
 */
function tieInTransaction(session: driver.ClientSession, ...states: string[]): Tie | undefined {
  const tie = ties.get(session);
  if (tie?.session.lane === undefined) return undefined;
  return states.includes(sessionInternals(session).transaction.state) ? tie : undefined;
}

ownAllMethods(ClientSession, driver.ClientSession);

/** Makes a session of the driver's one of ours. */
export function offloadedSession(session: driver.ClientSession, client: ClientLink): ClientSession {
  ties.set(session, { session: new SessionLink(session), client });
  return Object.setPrototypeOf(session, ClientSession.prototype) as ClientSession;
}

/** Whether a session is one of ours. */
export function isOffloaded(session: driver.ClientSession): boolean {
  return ties.has(session);
}

/**
 * The link of the session that an operation was given.
 *
 * @throws as the driver does, for a session that has ended or belongs to another client
 */
export function sessionLinkOf(
  session: driver.ClientSession,
  client: driver.MongoClient,
): SessionLink | undefined {
  const tie = ties.get(session);
  if (tie === undefined) return undefined;
  if (session.hasEnded) {
    throw new driver.MongoExpiredSessionError('Use of expired sessions is not permitted');
  }
  if (sessionInternals(session).client !== client) {
    throw new driver.MongoInvalidArgumentError('ClientSession must be from the same MongoClient');
  }
  return tie.session;
}
