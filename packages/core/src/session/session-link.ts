import type {
  SessionDefinition,
  SessionSnapshot,
  SessionUpdate,
} from '@mongo-offload/worker/protocol';
import { BSON, type ClientSession, type Document } from 'mongodb';

import { crossingOptions } from '../calls/options';
import { sessionInternals, type SessionInternals } from '../driver/internals';
import { WorkerLostError } from '../errors';
import type { Lane } from '../pool/lane';
import { transactionOf, type OpenTransaction } from '../transaction';

let nextSession = 1;

/**
 * A session's tie to the worker on which it lives: its first operation chooses one, all that follow
 * go there. The main thread keeps the driver's own session object, whose state follows the
 * worker's: each reply that used the session brings what became of it.
 */
export class SessionLink {
  readonly #session: ClientSession;
  #id = nextSession++;
  #lane: Lane | undefined;
  #update: SessionUpdate | undefined;
  #inherited: SessionDefinition['transaction'];

  constructor(session: ClientSession) {
    this.#session = session;
  }

  /** By what its worker knows it. */
  get id(): number {
    return this.#id;
  }

  /** The lane of the session's worker, once it has one. */
  get lane(): Lane | undefined {
    return this.#lane;
  }

  /** To be told to the worker before the next operation. */
  note(update: SessionUpdate): void {
    this.#update = { ...this.#update, ...update };
  }

  noteTransaction(): void {
    this.note({ startTransaction: this.#transactionOptions() });
  }

  #transactionOptions(): Document {
    const { maxTimeMS, ...options } = sessionInternals(this.#session).transaction.options;
    return crossingOptions({ ...options, maxCommitTimeMS: maxTimeMS as unknown }, true) ?? {};
  }

  /**
   * Makes the session known on its worker, and what was done to it since; call it before a call
   * that uses it is sent.
   *
   * @param pick - chooses a lane for a session that has none yet
   * @param define - makes the session's client known there
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
      const { clusterTime, operationTime } = session;
      if (clusterTime !== undefined) this.note({ clusterTime });
      if (operationTime !== undefined) this.note({ operationTime });
    }
    const lane = this.#lane;
    if (!lane.usable) throw this.lost();
    if (this.#update !== undefined) {
      const started = internals.txnNumberIncrement;
      const update = BSON.serialize({ ...this.#update, started }, { ignoreUndefined: true });
      if (this.#update.startTransaction !== undefined) {
        // The worker counts the same way; if it dies before it tells, the number is known here.
        internals.serverSession.txnNumber += internals.txnNumberIncrement;
        internals.txnNumberIncrement = 0;
      }
      this.#update = undefined;
      lane.sessions.update(this.id, new Uint8Array(update));
    }
    const [seconds, nanoseconds] = process.hrtime();
    internals.serverSession.lastUse = Math.floor(seconds * 1000 + nanoseconds / 1_000_000);
    return lane;
  }

  get inTransaction(): boolean {
    return sessionInternals(this.#session).transaction.isActive;
  }

  /** Whether the server is not known yet to have begun the transaction. */
  get isStarting(): boolean {
    return sessionInternals(this.#session).transaction.state === 'STARTING_TRANSACTION';
  }

  /** The transaction in which an operation that is called now takes place. */
  get transaction(): OpenTransaction | undefined {
    return transactionOf(this.#session);
  }

  /** Whether the worker on which the session lived is gone. */
  get isLost(): boolean {
    return this.#lane?.usable === false;
  }

  /**
   * The error of an operation whose session's worker is gone. In a transaction it carries the label
   * by which `withTransaction` begins anew: what was not committed is void.
   */
  lost(): WorkerLostError {
    const { transaction, serverSession } = sessionInternals(this.#session);
    const open = transaction.isActive;
    // A write under way may have used a number that was never told: the id is not used again.
    serverSession.isDirty = true;
    const what = open
      ? 'this session, with a transaction that was not committed and is void,'
      : 'this session';
    const error = new WorkerLostError(what, {
      write: false,
      cause: this.#lane?.cause,
      advice: 'Nothing of it was changed; start another session.',
    });
    if (open) error.addErrorLabel('TransientTransactionError');
    return error;
  }

  /**
   * Lets the next call go to another worker, which takes over the transaction as it stands at the
   * server: to abort it, or to try its commit again.
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
   * Leaves what the worker is still doing in the session behind: what follows begins anew, on any
   * worker. At the server it is the same session, in which a later transaction ends an earlier one.
   *
   * @param underWay - the worker aborts an open transaction, and forgets the session, behind this
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

  /** Takes over what became of the session in its worker. */
  #apply(bytes: Uint8Array): void {
    const session = this.#session;
    const internals: SessionInternals = sessionInternals(session);
    const snapshot = BSON.deserialize(bytes, { promoteLongs: false }) as SessionSnapshot;
    internals.serverSession.txnNumber = Math.max(
      internals.serverSession.txnNumber,
      snapshot.txnNumber,
    );
    internals.serverSession.isDirty ||= snapshot.isDirty;
    if (this.#update?.startTransaction === undefined) internals.transaction.state = snapshot.state;
    if (snapshot.clusterTime !== undefined) internals.clusterTime = snapshot.clusterTime;
    if (snapshot.operationTime !== undefined) internals.operationTime = snapshot.operationTime;
    if (snapshot.snapshotTime !== undefined) internals.snapshotTime = snapshot.snapshotTime;
  }

  /** The session has ended: its worker forgets it. */
  end(): void {
    this.#lane?.sessions.end(this.#id);
  }
}
