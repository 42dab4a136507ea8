import {
  BSON,
  Binary,
  type ClientSession,
  type Document,
  type MongoClient,
  Timestamp,
  type TransactionOptions,
} from 'mongodb';

import {
  clientInternals,
  ServerSessionClass,
  sessionInternals,
  withReadPreference,
} from '../driver';
import type {
  ServerSessionState,
  SessionDefinition,
  SessionSnapshot,
  SessionTimes,
  SessionUpdate,
} from '../protocol';

/**
 * The sessions of this worker. Each is a session of the driver under the id that the main thread chose. Its server
 * session belongs to the main thread's pool and returns there: the worker neither pools nor ends it.
 */
export class SessionRegistry {
  readonly #sessions = new Map<number, ClientSession>();

  define(id: number, client: MongoClient, definition: SessionDefinition): void {
    const { lsid, txnNumber, causalConsistency, snapshot, transaction } = definition;
    const { sessions } = clientInternals(client).s.sessionPool;
    const idle = sessions.length;
    const session = client.startSession(snapshot ? { snapshot } : { causalConsistency });
    const internals = sessionInternals(session);
    // The driver's own server session is unused. It goes back to the pool if it came from there.
    if (sessions.length < idle) internals.sessionPool.release(internals._serverSession);
    internals._serverSession = {
      ...internals._serverSession,
      id: { id: new Binary(lsid, Binary.SUBTYPE_UUID) },
      txnNumber,
      isDirty: false,
    };
    internals.sessionPool = { release: () => undefined };
    this.#sessions.set(id, session);
    if (transaction !== undefined) {
      session.startTransaction(transactionOptions(BSON.deserialize(transaction.options)));
      // The transaction keeps its number.
      internals.txnNumberIncrement = 0;
      internals.transaction.state = transaction.state;
    }
  }

  get(id: number): ClientSession {
    const session = this.#sessions.get(id);
    if (session === undefined) throw new Error('the session of this operation has ended');
    return session;
  }

  update(id: number, bytes: Uint8Array): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    const internals = sessionInternals(session);
    const { startTransaction, ended, started, ...times } = BSON.deserialize(bytes, {
      promoteLongs: false,
    }) as SessionUpdate;
    setTimes(session, times);
    const increment = internals.txnNumberIncrement + (started ?? 0);
    if (startTransaction !== undefined) {
      // The main thread has checked that no transaction is in progress.
      if (session.inTransaction()) internals.transaction.state = 'NO_TRANSACTION';
      session.startTransaction(transactionOptions(startTransaction));
    }
    // It ended on the main thread without a command.
    if (ended !== undefined) internals.transaction.state = ended;
    internals.txnNumberIncrement = increment;
  }

  snapshot(id: number): { id: number; snapshot: Uint8Array } | undefined {
    const session = this.#sessions.get(id);
    if (session === undefined) return undefined;
    const { _serverSession, transaction, clusterTime, operationTime, snapshotTime } =
      sessionInternals(session);
    const snapshot: SessionSnapshot = {
      txnNumber: _serverSession.txnNumber,
      isDirty: _serverSession.isDirty,
      state: transaction.state,
      clusterTime,
      operationTime,
      snapshotTime,
    };
    return { id, snapshot: new Uint8Array(BSON.serialize(snapshot, { ignoreUndefined: true })) };
  }

  /** Ends a session and forgets it. The main thread has aborted its transaction before. */
  async end(id: number): Promise<void> {
    const session = this.#sessions.get(id);
    this.#sessions.delete(id);
    await session?.endSession();
  }
}

/** Hands server sessions to the driver's pool, so that closing the client ends them on the server. */
export function adoptServerSessions(client: MongoClient, lsids: Uint8Array[]): void {
  const { sessions } = clientInternals(client).s.sessionPool;
  for (const lsid of lsids) {
    const id = { id: new Binary(lsid, Binary.SUBTYPE_UUID) };
    // A retry while the client closes must not use them: their transaction numbers are unknown here.
    const hasTimedOut = (): boolean => true;
    sessions.push({ id, txnNumber: 0, isDirty: false, lastUse: Date.now(), hasTimedOut });
  }
}

/**
 * Puts a server session into the client's pool, from which the next operation takes it.
 *
 * @returns the least recently used one, if there are others
 */
export function exchangeServerSession(
  client: MongoClient,
  { lsid, txnNumber, lastUse }: ServerSessionState,
): ServerSessionState | undefined {
  const { sessions } = clientInternals(client).s.sessionPool;
  const id = { id: new Binary(lsid, Binary.SUBTYPE_UUID) };
  sessions.unshift(new ServerSessionClass({ id, txnNumber, isDirty: false, lastUse }));
  const oldest = sessions.length > 1 ? sessions.pop() : null;
  if (oldest === null) return undefined;
  const { buffer } = oldest.id.id;
  return { lsid: new Uint8Array(buffer), txnNumber: oldest.txnNumber, lastUse: oldest.lastUse };
}

function transactionOptions({ maxCommitTimeMS, ...options }: Document): TransactionOptions {
  const limit = maxCommitTimeMS === undefined ? {} : { maxCommitTimeMS: Number(maxCommitTimeMS) };
  return withReadPreference({ ...options, ...limit });
}

/**
 * Takes over times that were set on the main thread, but keeps a later one from the server. A value that is not a time
 * goes to the server, which refuses it.
 */
function setTimes(session: ClientSession, times: SessionTimes): void {
  const internals = sessionInternals(session);
  const { clusterTime, operationTime, snapshotTime = internals.snapshotTime } = times;
  internals.snapshotTime = snapshotTime;
  if (operationTime instanceof Timestamp) session.advanceOperationTime(operationTime);
  else if (operationTime !== undefined) internals.operationTime = operationTime;
  if (clusterTime === undefined) return;
  const { clusterTime: at } = clusterTime as { clusterTime?: Document };
  const { clusterTime: known } = internals;
  if (!(at instanceof Timestamp)) {
    internals.clusterTime = { ...clusterTime, clusterTime: { ...at, greaterThan: () => true } };
  } else if (known === undefined || at.greaterThan(known.clusterTime as Timestamp)) {
    internals.clusterTime = clusterTime;
  }
}
