import { inspect, type InspectOptions } from 'node:util';

import { inspectClient, hideClientOptions } from './inspect-client';
import { arrangeLog, installMainPools, Monitoring } from './monitoring';
import * as driver from 'mongodb';
import type {
  ChangeStreamDocument,
  ChangeStreamOptions,
  ClientSessionOptions,
  DbOptions,
  Document,
  DriverInfo,
  MongoClientOptions,
  TransactionOptions,
} from 'mongodb';

import { eitherSignal, withinLimits, type LimitOptions } from '../abort';
import { withoutOurs } from '../calls';
import { loadingContext } from '../event-loop';
import {
  ClientLink,
  CredentialCallbacks,
  givenOptions,
  noteOnMain,
  optionsForWorkers,
  optionThatCannotCross,
  PoolShares,
  setState,
  type ClientState,
} from '../client';
import { watching, type ChangeStream } from '../change-stream';
import { ClientEvents, installListenerWatch, watchListeners } from '../events';
import { resolveOffloadOptions, type OffloadOptions, checkOwnOptions } from '../options';
import { isInOurWorker, workerEntry } from '../pool';
import { loggerOf, type ClientInternals, ownAllMethods } from '../driver';
import { makeAmbient, offloadedSession, type ClientSession } from '../session';
import { runNested, transactionHere } from '../transaction';
import { endWatching, offloadOf, type ClientOffload } from '../statistics';
import { clientBulkWrite } from './client-bulk-write';
import { closeCursors, endSessions, takeServerSessions } from './end-resources';
import { Closing } from './closing';
import { Connecting } from './connecting';
import { Db } from './db';
import { offloadMethods, type Carrier, clientTarget } from '../methods';
import { checkedWait, waitUntilReady, type WaitUntilReadyOptions } from './wait-until-ready';

/** The driver's options, and our own under one key. */
export interface OffloadMongoClientOptions extends MongoClientOptions {
  offload?: OffloadOptions;
}

/**
 * The driver's MongoClient, which does its work in worker threads. Its constructor neither blocks nor connects; the
 * first operation or `connect()` connects. Keep one client for the life of the process.
 *
 * The driver's own monitoring of the deployment stays on the main thread, so `topology`, its description and the
 * discovery events are the driver's. No operation opens a connection here, except for those that docs/compatibility.md
 * lists.
 *
 * @throws the driver's error for a wrong connection string or an unknown option; OffloadOptionError for a wrong option
 *   under `offload`; BundledError if this package is part of a bundle
 */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- its sessions are ours
export class MongoClient extends driver.MongoClient {
  readonly #link: ClientLink;
  readonly #onMain: string | undefined;
  readonly #closing: Closing;
  readonly #connecting: Connecting;

  constructor(url: string, options?: OffloadMongoClientOptions) {
    const { offload, ...driverOptions } = options ?? {};
    super(url, options === undefined ? undefined : driverOptions);
    const resolved = resolveOffloadOptions(offload);
    const given = givenOptions(driverOptions);
    const option = optionThatCannotCross(given) ?? this.#parsedReason();
    // In one of our workers, the client is the driver itself.
    this.#onMain = isInOurWorker ? 'a worker of ours' : option;
    if (this.#onMain === undefined) workerEntry();
    else if (!isInOurWorker) noteOnMain(this.#onMain, resolved);
    const events = new ClientEvents(this);
    this.#link = new ClientLink(
      {
        url,
        options: this.#onMain === undefined ? optionsForWorkers(given) : {},
        pools: new PoolShares(this.options),
        events,
        credentials: CredentialCallbacks.of(given),
      },
      resolved,
    );
    this.#closing = new Closing(this.#onMain === undefined ? resolved.closeGraceMS : 0, {
      idle: async (signal) => await this.#link.idle(signal),
      end: async (force) => await this.#end(force),
    });
    const native = { connect: () => super.connect(), close: () => super.close() };
    const monitoring = new Monitoring(this, native, () => this.#link.lifetime);
    this.#connecting = new Connecting(this, this.#link, this.#closing, monitoring);
    watchListeners(this, events);
    const logger = loggerOf(this);
    if (logger !== undefined && this.#onMain === undefined) arrangeLog(logger);
    const state: ClientState = {
      link: this.#link,
      onMain: this.#onMain,
      prepare: () => this.#connecting.prepare(),
    };
    setState(this, state);
  }

  /** Returns the option that cannot cross to a worker, if the connection string led the driver to set it. */
  #parsedReason(): string | undefined {
    return this.options.autoEncryption === undefined ? undefined : 'autoEncryption';
  }

  /** Creates a client and connects it. */
  static override async connect(
    url: string,
    options?: OffloadMongoClientOptions,
  ): Promise<MongoClient> {
    return (await super.connect(url, options)) as MongoClient;
  }

  /**
   * Connects the client. This is optional, since the first operation connects too; call it to detect a failure early.
   * Takes `signal` and `deadlineMS`, which end the caller's wait only; connecting continues for other callers.
   */
  override async connect(options?: LimitOptions): Promise<this> {
    const limited = { what: 'client.connect', write: false, defaults: this.#link.offload };
    return await withinLimits(options, limited, () => this.#connect());
  }

  async #connect(): Promise<this> {
    // The monitoring outlives the caller, so it must not run in the caller's async context.
    if (this.#onMain !== undefined) return await loadingContext.run(() => super.connect());
    await this.#connecting.connect();
    return this;
  }

  /** Statistics of the worker threads and the event loop: `client.offload.stats()`. */
  get offload(): ClientOffload {
    return offloadOf(this);
  }

  /**
   * Returns what `util.inspect` shows, without passwords and keys. The properties `options` and `s` still have them.
   */
  [inspect.custom](depth: number, options: InspectOptions, show: typeof inspect): string {
    return inspectClient(this, depth, options, show);
  }

  /**
   * Closes the client in all workers. New operations reject at once. Those under way have `offload.closeGraceMS` to
   * finish, and then reject with the driver's error. A second call waits for the same close.
   *
   * @param force - whether to end everything at once, even if another close is waiting
   */
  override async close(force = false): Promise<void> {
    endWatching(this);
    await this.#closing.close(force);
  }

  async #end(force: boolean): Promise<void> {
    const { s } = this as unknown as ClientInternals;
    if (this.#onMain === undefined) await closeCursors(s.activeCursors, force);
    // Transactions end first: their workers must still be there to abort them.
    await endSessions(s.activeSessions, force);
    // Sessions that are left end with their worker, so the driver here must neither wait for them nor end them.
    s.activeSessions.clear();
    // The workers end the server sessions. The driver here would open a connection to do so.
    const ended = this.#onMain === undefined ? takeServerSessions(this) : [];
    await Promise.all([super.close(force), this.#link.close(force, ended)]);
  }

  /** Appends to the client metadata that later connections of all workers send to the server. */
  override appendMetadata(driverInfo: DriverInfo): void {
    super.appendMetadata(driverInfo);
    // The driver's constructor calls this too. Workers get that value with the other options.
    if (#link in this) this.#link.appendMetadata(driverInfo);
  }

  override db(dbName?: string, options?: DbOptions): Db {
    return Object.setPrototypeOf(super.db(dbName, options), Db.prototype) as Db;
  }

  override startSession(options?: ClientSessionOptions): ClientSession {
    const session = super.startSession(options);
    hideClientOptions(session);
    // The driver starts its implicit sessions with this method too. Those stay the driver's.
    const { explicit } = session as unknown as { explicit: boolean };
    if (!explicit) return session;
    return offloadedSession(session, this.#link, this.#onMain !== undefined);
  }

  /**
   * Runs a function in a transaction. Each operation of this client that the function calls and awaits joins the
   * transaction, even from another module or library. It needs no session; `session: null` keeps it out. Commits when the
   * function returns, and aborts when it throws. If the server reports a transient error, the function is called again,
   * as by `session.withTransaction`.
   *
   * Inside another transaction of this client, the function takes part in that one. If it then fails, the outer
   * transaction is aborted. Change streams never join a transaction.
   *
   * @example
   * ```ts
   * await client.transaction(async () => {
   *   await accounts.updateOne({ _id: from }, { $inc: { balance: -amount } });
   *   await accounts.updateOne({ _id: to }, { $inc: { balance: amount } });
   * });
   * ```
   * @returns what the function returned
   * @throws what the function throws; errors of the server and the driver. Operations that are called after the end of
   *   the transaction reject with a TransactionEndedError.
   */
  async transaction<T>(
    fn: (session: ClientSession) => Promise<T>,
    options?: TransactionOptions & LimitOptions,
  ): Promise<T> {
    if (typeof fn !== 'function') {
      throw new driver.MongoInvalidArgumentError('client.transaction() needs a function to call');
    }
    checkOwnOptions(options);
    const around = transactionHere(this);
    if (around?.over === false) return await runNested(around, fn, options);
    const rest = options && (withoutOurs(options, true) as TransactionOptions);
    const limited = { what: 'client.transaction', write: true, defaults: {} };
    return await withinLimits(options, limited, (signal) =>
      this.withSession(async (session) => {
        makeAmbient(session);
        const all = signal === undefined ? rest : { ...rest, signal };
        return await session.withTransaction(fn, all);
      }),
    );
  }

  /** Creates a change stream. It sends nothing until it is read or has a listener. */
  override watch<
    TSchema extends Document = Document,
    TChange extends Document = ChangeStreamDocument<TSchema>,
  >(pipeline?: Document[], options?: ChangeStreamOptions): ChangeStream<TSchema, TChange> {
    return watching((own) => super.watch<TSchema, TChange>(...own), pipeline, options);
  }

  /** Resolves with the server's `buildInfo`: its version, modules and limits. */
  async serverInfo(options?: LimitOptions): Promise<Document> {
    return await this.db('admin').admin().serverInfo(options);
  }

  /**
   * Resolves when the deployment answers. Until then, tries again with backoff.
   *
   * @example
   * ```ts
   * await client.waitUntilReady({
   *   timeoutMS: 60_000,
   *   onRetry: (error, attempt) => console.warn(`try ${attempt}: ${error.message}`),
   * });
   * ```
   * @throws NotReadyError after `timeoutMS`, with the last attempt's error as its cause; the signal's reason;
   *   MongoClientClosedError if the client is closed; at once, an error that no retry can fix, such as a wrong password
   */
  async waitUntilReady(options?: WaitUntilReadyOptions): Promise<this> {
    const given = checkedWait(options);
    const { lifetime } = this.#link;
    lifetime.begin();
    const either = eitherSignal(given.signal, lifetime.signal);
    const { signal } = either;
    try {
      await waitUntilReady((limitMS) => this.#connecting.attempt(limitMS, signal), {
        ...given,
        signal,
      });
    } finally {
      either.release();
    }
    return this;
  }
}

/* eslint-disable @typescript-eslint/no-explicit-any -- the driver's own defaults */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- as above
export interface MongoClient {
  withSession<T = any>(executor: (session: ClientSession) => Promise<T>): Promise<T>;
  withSession<T = any>(
    options: ClientSessionOptions,
    executor: (session: ClientSession) => Promise<T>,
  ): Promise<T>;
}
/* eslint-enable @typescript-eslint/no-explicit-any */

const carrier: Carrier<driver.MongoClient> = {
  client: (client) => client,
  target: clientTarget,
  bson: ({ bsonOptions }) => bsonOptions,
};

ownAllMethods(MongoClient, driver.MongoClient);
installListenerWatch(MongoClient.prototype);
installMainPools(MongoClient.prototype);

offloadMethods<driver.MongoClient>(MongoClient.prototype, 'client', carrier, {
  bulkWrite: clientBulkWrite,
});
