import type {
  SessionDefinition,
  SessionSnapshot,
  SessionTimes,
  SessionUpdate,
} from '@mongo-offload/worker/protocol';
import { BSON, type ClientSession, type Document, type Timestamp } from 'mongodb';

import { crossingOptions } from '../../calls';
import { sessionInternals, type SessionInternals } from '../../driver';
import { WorkerLostError } from '../../errors';
import type { Lane } from '../../pool';
import { transactionOf, type OpenTransaction } from '../../transaction';

const TIMES = ['clusterTime', 'operationTime', 'snapshotTime'] as const;

let nextSession = 1;

/**
 * Ties a session to the worker on which it lives. The session's first operation chooses the worker, and all later ones
 * go there. The main thread keeps the driver's own session object. Each reply to a call in the session brings the
 * worker's new state of the session, which is copied into that object.
 */
export class SessionLink {
  readonly #session: ClientSession;
  #id = nextSession++;
  #lane: Lane | undefined;
  #update: SessionUpdate | undefined;
  /** The session's times as the worker knows them. If one differs here, the application has set it. */
  #known: SessionTimes = {};
  #inherited: SessionDefinition['transaction'];
  #underWay = 0;

  constructor(session: ClientSession) {
    this.#session = session;
  }

  /** The number by which its worker knows it. */
  get id(): number {
    return this.#id;
  }

  /** The lane of the session's worker, once it has one. */
  get lane(): Lane | undefined {
    return this.#lane;
  }

  /** Notes that a transaction was started. The worker learns of it before the transaction's first operation. */
  noteTransaction(): void {
    this.#update = { startTransaction: this.#transactionOptions() };
  }

  /**
   * Notes that the transaction ended on the main thread, because no server knew of it. The worker may know of it, from
   * an operation that was refused before it was sent. Without this note, the next call there would start the
   * transaction. A worker that does not know of the transaction learns of both its start and its end, because reads
   * after a transaction keep its read preference in the driver's sessions.
   */
  noteEmptyEnd(): void {
    // A caller that did not await the end may have started another transaction meanwhile.
    if (this.inTransaction) return;
    const { state } = sessionInternals(this.#session).transaction;
    this.#update = { startTransaction: this.#transactionOptions(), ended: state };
  }

  #transactionOptions(): Document {
    const { maxTimeMS, ...options } = sessionInternals(this.#session).transaction.options;
    return crossingOptions({ ...options, maxCommitTimeMS: maxTimeMS as unknown }, true) ?? {};
  }

  /**
   * Makes the session known on its worker, with everything that was done to it since the last call. Call this before a
   * call that uses the session is sent.
   *
   * @param pick - chooses a lane for a session that has none yet
   * @param define - makes the session's client known on that lane
   * @throws WorkerLostError when the worker on which the session lived is gone
   */
  prepare(pick: () => Lane, client: number, define: (lane: Lane) => void): Lane {
    const session = this.#session;
    const internals = sessionInternals(session);
    if (this.#lane === undefined) {
      this.#lane = pick();
      define(this.#lane);
      const id = this.#id;
      const follower = { apply: (bytes: Uint8Array) => id === this.#id && this.#apply(bytes) };
      this.#lane.sessions.define(id, follower, {
        client,
        lsid: new Uint8Array(internals.serverSession.id.id.buffer),
        txnNumber: internals.serverSession.txnNumber,
        causalConsistency: internals.supports.causalConsistency,
        snapshot: internals.snapshotEnabled,
        transaction: this.#inherited,
      });
      this.#inherited = undefined;
      this.#known = {};
    }
    const lane = this.#lane;
    if (!lane.usable) throw this.lost();
    const update = this.#takeUpdate();
    if (update !== undefined) lane.sessions.update(this.id, update);
    const [seconds, nanoseconds] = process.hrtime();
    internals.serverSession.lastUse = Math.floor(seconds * 1000 + nanoseconds / 1_000_000);
    return lane;
  }

  /** Returns what was done to the session here since the last update for the worker. */
  #takeUpdate(): Uint8Array | undefined {
    const internals = sessionInternals(this.#session);
    let update = this.#update;
    this.#update = undefined;
    // The noted start no longer holds if the transaction is neither starting any more nor noted as ended.
    const isStart = update?.startTransaction !== undefined && update.ended === undefined;
    if (isStart && !this.isStarting) update = undefined;
    const started = internals.txnNumberIncrement;
    if (started > 0) {
      update = { ...update, started };
      // The worker counts in the same way. If it dies before it reports the number, the main thread knows it.
      internals.serverSession.txnNumber += started;
      internals.txnNumberIncrement = 0;
    }
    for (const time of TIMES) {
      if (internals[time] === this.#known[time]) continue;
      update = { ...update, [time]: internals[time] };
      this.#known[time] = internals[time];
    }
    if (update === undefined) return undefined;
    return new Uint8Array(BSON.serialize(update, { ignoreUndefined: true }));
  }

  get inTransaction(): boolean {
    return sessionInternals(this.#session).transaction.isActive;
  }

  /** Whether the transaction has started here, but the server is not known to have begun it. */
  get isStarting(): boolean {
    return sessionInternals(this.#session).transaction.state === 'STARTING_TRANSACTION';
  }

  /** The transaction to which an operation that is called now belongs. */
  get transaction(): OpenTransaction | undefined {
    return transactionOf(this.#session);
  }

  /** Whether the worker on which the session lived is gone. */
  get isLost(): boolean {
    return this.#lane?.usable === false;
  }

  /**
   * Returns the error for an operation whose session's worker is gone. In a transaction it has the label that makes
   * `withTransaction` run again, unless no thread can start. The server discards uncommitted changes.
   */
  lost(): WorkerLostError {
    const { transaction, serverSession } = sessionInternals(this.#session);
    const open = transaction.isActive;
    // A write in flight may have used a number that the worker never reported, so the id must not be used again.
    serverSession.isDirty = true;
    const what = open ? 'this session and its uncommitted transaction' : 'this session';
    const advice = open
      ? 'None of its changes will be stored; run the transaction again in another session.'
      : 'Nothing was changed; start another session.';
    const lane = this.#lane;
    const isHopeless = lane?.isHopeless === true;
    const error = new WorkerLostError(what, {
      write: false,
      cause: lane?.lossReason,
      notStarted: lane?.started === false,
      ...(isHopeless ? {} : { advice }),
    });
    if (open && !isHopeless) error.addErrorLabel('TransientTransactionError');
    return error;
  }

  /**
   * Lets the next call go to another worker, which takes over the transaction in its state on the server: to abort it,
   * or to retry its commit.
   */
  moveTransaction(): void {
    const { state } = sessionInternals(this.#session).transaction;
    this.#lane = undefined;
    this.#inherited = {
      state,
      options: new Uint8Array(BSON.serialize(this.#transactionOptions())),
    };
  }

  /**
   * Abandons what the worker is still doing in the session. Later calls start afresh, on any worker. For the server it
   * is the same session, in which a later transaction ends an earlier one.
   *
   * @param underWay - when it settles, the worker aborts an open transaction and forgets the session
   */
  abandon(underWay: Promise<unknown> = Promise.resolve()): void {
    const lane = this.#lane;
    const id = this.#id;
    const end = (): void => lane?.sessions.end(id);
    void underWay.then(end, end);
    this.#lane = undefined;
    this.#inherited = undefined;
    this.#id = nextSession++;
  }

  /** Copies the session's state from its worker. */
  #apply(bytes: Uint8Array): void {
    const session = this.#session;
    const internals: SessionInternals = sessionInternals(session);
    const snapshot = BSON.deserialize(bytes, { promoteLongs: false }) as SessionSnapshot;
    internals.serverSession.txnNumber = Math.max(
      internals.serverSession.txnNumber,
      snapshot.txnNumber,
    );
    internals.serverSession.isDirty ||= snapshot.isDirty;
    // If a start or an end is noted here, the worker does not know of it yet.
    if (this.#update === undefined) internals.transaction.state = snapshot.state;
    for (const time of TIMES) {
      const { [time]: reported } = snapshot;
      if (reported === undefined) continue;
      // If the application has set it meanwhile, its value goes to the worker with the next call.
      const isKnown = internals[time] === this.#known[time];
      if (isKnown || isLater(reported, internals[time])) internals[time] = reported;
      this.#known[time] = reported;
    }
  }

  /**
   * Notes that a call in the session was sent.
   *
   * @param result - settles when the call has ended; never rejects
   */
  track(result: Promise<unknown>): void {
    this.#underWay += 1;
    void result.then(() => (this.#underWay -= 1));
  }

  /**
   * Notes that the session is about to end. A call still in flight (not awaited, or aborted by its caller) may use a
   * transaction number that is not known here yet. If the id were used again, so would be that number. The server would
   * take a later write with it for a retry: it would acknowledge the write and store nothing. So the id is dropped.
   */
  noteEnding(): void {
    if (this.#underWay > 0) sessionInternals(this.#session).serverSession.isDirty = true;
  }

  /** The session has ended: its worker forgets it. */
  end(): void {
    this.#lane?.sessions.end(this.#id);
  }
}

/** Compares two times as the driver does when the server sends one. */
function isLater(time: Document, than: Document | undefined): boolean {
  const [one, other] = [time, than].map(
    (at) => (isTimestamp(at) ? at : at?.clusterTime) as unknown,
  );
  return isTimestamp(one) && isTimestamp(other) && one.greaterThan(other);
}

function isTimestamp(value: unknown): value is Timestamp {
  return (value as { _bsontype?: string } | undefined)?._bsontype === 'Timestamp';
}
