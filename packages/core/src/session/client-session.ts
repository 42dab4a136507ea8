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
  sayLeftOpen,
  transactionStarted,
} from '../transaction';
import { abortTransaction, commitTransaction } from './end-transaction';

/** What a session of ours is besides the driver's. */
export interface Tie {
  /** Undefined for a client that runs on the main thread. */
  readonly session: SessionLink | undefined;
  readonly client: ClientLink;
  /** Whether operations without a session take part in what `withTransaction` runs. */
  joins: boolean;
  /** Where `withTransaction` was called, while it is that which starts transactions. */
  startedAt?: CallSite;
  /** Aborts the `withTransaction` that is running. */
  signal?: AbortSignal;
}

const ties = new WeakMap<driver.ClientSession, Tie>();

/**
 * The driver's ClientSession, whose operations run on one worker thread: the one that its first
 * operation chose. What a program reads of it (its id, its transaction's state, its times) is on
 * the main thread; committing and aborting happen in the worker.
 *
 * The operations of a transaction run one after the other, in the order of their calls; a commit or
 * an abort waits for the one that is under way.
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
    // The function that `withTransaction` calls has a scope of its own.
    if (tie.startedAt === undefined && forgotten !== 'off') enter(transaction, 'suspects');
  }

  /**
   * As the driver's. Operations without a session that the function calls take part in the transaction
   * where the client has `offload: { ambientTransactions: true }`; else they are noticed as
   * `offload.forgottenSession` says.
   *
   * Takes `signal` and `deadlineMS` for all of it: when they end it, they also end every operation in flight
   * in it, and what the function calls then in the transaction. It is aborted when the function has returned.
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

  /** Takes `signal` and `deadlineMS`. When they end it, the server may have committed. */
  override async commitTransaction(options?: { timeoutMS?: number } & LimitOptions): Promise<void> {
    const native = (): Promise<void> => super.commitTransaction(options);
    await commitTransaction(this, ties.get(this), native, options);
  }

  /** Takes `signal` and `deadlineMS`. When they end it, the server aborts the transaction by itself. */
  override async abortTransaction(options?: { timeoutMS?: number } & LimitOptions): Promise<void> {
    const native = (): Promise<void> => super.abortTransaction(options);
    await abortTransaction(this, ties.get(this), native, options);
  }

  /** Ends the session. A transaction that is open is aborted, and a warning says so. */
  override async endSession(options?: EndSessionOptions): Promise<void> {
    const ended = this.hasEnded;
    if (!ended) {
      sayLeftOpen(this);
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
 * Makes a session of the driver's one of ours.
 *
 * @param onMain - its client runs on the main thread, and so does all that the session does
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

/** Operations without a session take part in what the session's `withTransaction` runs from now on. */
export function makeAmbient(session: driver.ClientSession): void {
  const tie = ties.get(session);
  if (tie !== undefined) tie.joins = true;
}

/** Whether a session is one of ours whose operations run in a worker. */
export function isOffloaded(session: driver.ClientSession): boolean {
  return ties.get(session)?.session !== undefined;
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
