import * as driver from 'mongodb';
import type { EndSessionOptions, TransactionOptions } from 'mongodb';

import { withinLimits, type LimitOptions } from '../abort';
import { withoutOurs } from '../calls';
import { type ClientLink, SessionLink } from '../client';
import { sessionInternals, ownAllMethods } from '../driver';
import { CallSite } from '../errors';
import { checkOwnOptions } from '../options';
import {
  enter,
  lastTransaction,
  runFunction,
  transactionStarted,
  warnLeftOpen,
} from '../transaction';
import { abortTransaction, commitTransaction } from './end-transaction';

/** What we keep about a session in addition to the driver's state. */
export interface Tie {
  /** Undefined for a client that runs on the main thread. */
  readonly session: SessionLink | undefined;
  readonly client: ClientLink;
  /** Whether operations without a session join the transaction that `withTransaction` runs. */
  joins: boolean;
  /** Where `withTransaction` was called. Set only while it is the one that starts transactions. */
  startedAt?: CallSite;
  /** Aborts the running `withTransaction`. */
  signal?: AbortSignal;
}

const ties = new WeakMap<driver.ClientSession, Tie>();

/**
 * The driver's ClientSession. All its operations run on one worker thread, which its first operation chooses. Its id,
 * the state of its transaction and its times are on the main thread. Commits and aborts happen in the worker.
 *
 * The operations of a transaction run one after the other, in the order of their calls. A commit or an abort waits for
 * the operation in flight.
 */
export class ClientSession extends driver.ClientSession {
  override startTransaction(options?: TransactionOptions): void {
    super.startTransaction(options);
    const tie = ties.get(this);
    if (tie === undefined) return;
    tie.session?.noteTransaction();
    const { client } = sessionInternals(this);
    const { forgottenSession: forgotten } = tie.client.offload;
    const startedAt = tie.startedAt ?? new CallSite();
    const transaction = transactionStarted({
      client,
      session: this,
      options,
      startedAt,
      forgotten,
      signal: tie.signal,
    });
    // `withTransaction` runs its function in a scope of its own.
    if (tie.startedAt === undefined && forgotten !== 'off') enter(transaction, 'suspects');
  }

  /**
   * Runs a function in a transaction, as the driver's method does. If the client has
   * `offload: { ambientTransactions: true }`, operations that the function calls without a session join the
   * transaction. Otherwise `offload.forgottenSession` decides whether they cause a warning, an error or neither.
   *
   * Takes `signal` and `deadlineMS` for all attempts together. Either of them also ends the operations in flight and
   * those that the function calls afterwards in the transaction. The transaction is aborted when the function returns.
   */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the driver's own default
  override async withTransaction<T = any>(
    fn: (session: ClientSession) => Promise<T>,
    options?: TransactionOptions & LimitOptions & { timeoutMS?: number },
  ): Promise<T> {
    const tie = ties.get(this);
    if (tie === undefined) return await super.withTransaction(() => fn(this), options);
    checkOwnOptions(options);
    const guards = tie.client.offload.forgottenSession !== 'off';
    const role = tie.joins ? 'joins' : guards ? 'guards' : undefined;
    const startedAt = new CallSite();
    const attempt = (): Promise<T> => {
      tie.signal?.throwIfAborted();
      tie.startedAt = undefined;
      return runFunction(
        lastTransaction(this)!,
        role,
        () => fn(this),
        () => (tie.startedAt = startedAt),
      );
    };
    const limited = { what: 'session.withTransaction', write: true, defaults: {} };
    const rest = options && (withoutOurs(options, true) as TransactionOptions);
    return await withinLimits(options, limited, async (signal) => {
      tie.startedAt = startedAt;
      tie.signal = signal;
      const doom = (): void => lastTransaction(this)?.doom(signal?.reason as Error);
      signal?.addEventListener('abort', doom, { once: true });
      try {
        return await super.withTransaction(attempt, rest);
      } finally {
        signal?.removeEventListener('abort', doom);
        tie.startedAt = undefined;
        tie.signal = undefined;
      }
    });
  }

  /**
   * Commits the transaction. Takes `signal` and `deadlineMS`; when they end the call, the server may have committed.
   */
  override async commitTransaction(options?: { timeoutMS?: number } & LimitOptions): Promise<void> {
    const native = (): Promise<void> => super.commitTransaction(options);
    await commitTransaction(this, ties.get(this), native, options);
  }

  /** Aborts the transaction. Takes `signal` and `deadlineMS`; when they end the call, the server aborts by itself. */
  override async abortTransaction(options?: { timeoutMS?: number } & LimitOptions): Promise<void> {
    const native = (): Promise<void> => super.abortTransaction(options);
    await abortTransaction(this, ties.get(this), native, options);
  }

  /** Ends the session. Aborts an open transaction, with a warning. */
  override async endSession(options?: EndSessionOptions): Promise<void> {
    const ended = this.hasEnded;
    if (!ended) {
      warnLeftOpen(this);
      ties.get(this)?.session?.noteEnding();
    }
    await super.endSession(options);
    if (ended) return;
    const tie = ties.get(this);
    tie?.session?.end();
    if (tie?.session !== undefined) tie.client.noteSessionEnded(sessionInternals(this).client);
  }
}

ownAllMethods(ClientSession, driver.ClientSession);

/**
 * Turns a session of the driver into one of ours.
 *
 * @param onMain - whether its client runs on the main thread; then its sessions do too
 */
export function offloadedSession(
  session: driver.ClientSession,
  client: ClientLink,
  onMain: boolean,
): ClientSession {
  const link = onMain ? undefined : new SessionLink(session);
  ties.set(session, { session: link, client, joins: client.offload.ambientTransactions });
  return Object.setPrototypeOf(session, ClientSession.prototype) as ClientSession;
}

/** Lets operations without a session join the transactions that the session's `withTransaction` runs from now on. */
export function makeAmbient(session: driver.ClientSession): void {
  const tie = ties.get(session);
  if (tie !== undefined) tie.joins = true;
}

/** Returns whether the session is one of ours whose operations run in a worker. */
export function isOffloaded(session: driver.ClientSession): boolean {
  return ties.get(session)?.session !== undefined;
}

/**
 * Returns the link of a session that an operation was called with.
 *
 * @throws the driver's error for a session that has ended or belongs to another client
 */
export function sessionLinkOf(
  session: driver.ClientSession,
  client: driver.MongoClient,
): SessionLink | undefined {
  const link = ties.get(session)?.session;
  if (link === undefined) return undefined;
  if (session.hasEnded) {
    throw new driver.MongoExpiredSessionError('Use of expired sessions is not permitted');
  }
  if (sessionInternals(session).client !== client) {
    throw new driver.MongoInvalidArgumentError('ClientSession must be from the same MongoClient');
  }
  return link;
}
