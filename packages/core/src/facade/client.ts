import { setTimeout as delay } from 'node:timers/promises';

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

import { untilAborted } from '../abort/until-aborted';
import { ClientLink } from '../client/client-link';
import { CredentialCallbacks } from '../client/credential-callbacks';
import { optionsForWorkers, optionThatCannotCross } from '../client/on-main';
import { setState, type ClientState } from '../client/state';
import { encodeCall, encodeListCall } from '../calls/encode';
import { offloadedChangeStream, type ChangeStream } from '../change-stream';
import {
  ClientEvents,
  installListenerWatch,
  installMainPools,
  arrangeLog,
  watchListeners,
} from '../events';
import { NotReadyError, OffloadOptionError, warnOnce } from '../errors';
import { resolveOffloadOptions, type OffloadOptions } from '../pool/offload-options';
import { workerEntry } from '../pool/worker-entry';
import { loggerOf, type ClientInternals } from '../driver/internals';
import { makeAmbient, offloadedSession, type ClientSession } from '../session';
import { lastTransaction, runNested, transactionHere } from '../transaction';
import { Db } from './db';
import { offloadMethods, type Carrier } from './offload-method';
import { ownAllMethods } from './own-prototype';
import { clientTarget } from './targets';

/** The driver's options, and our own under one key. */
export interface OffloadMongoClientOptions extends MongoClientOptions {
  offload?: OffloadOptions;
}

/** How `waitUntilReady` waits. */
export interface WaitUntilReadyOptions {
  /** Milliseconds until it gives up. Default 30000. */
  timeoutMS?: number;
  /** Gives up with the signal's reason. */
  signal?: AbortSignal;
  /** Told of each try that failed, and how long it waits before the next. */
  onRetry?: (error: Error, attempt: number, delayMS: number) => void;
}

/** One try of `waitUntilReady` is given up after this long, and another made. */
const ATTEMPT_MS = 5_000;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 2_000;

/**
 * The driver's MongoClient, whose work happens in worker threads. Making one neither blocks nor
 * connects; the first operation does, or `connect()`. Keep one for the life of the process.
 *
 * On the main thread stays the driver's own monitoring of the deployment (so that `topology`, its
 * description and the discovery events are the real thing); no operation opens a connection here,
 * but for what docs/compatibility.md lists.
 *
 * @throws what the driver throws for a wrong connection string or an unknown option;
 *   OffloadOptionError for a wrong option under `offload`; BundledError where this package is part
 *   of a bundle
 */
export class MongoClient extends driver.MongoClient {
  readonly #link: ClientLink;
  readonly #onMain: string | undefined;
  #monitoring: Promise<unknown> | undefined;

  constructor(url: string, options?: OffloadMongoClientOptions) {
    const { offload, ...driverOptions } = options ?? {};
    super(url, options === undefined ? undefined : driverOptions);
    const resolved = resolveOffloadOptions(offload);
    this.#onMain = optionThatCannotCross(driverOptions) ?? this.#parsedReason();
    if (this.#onMain !== undefined) {
      const what = `The option ${this.#onMain} cannot cross to a worker thread`;
      if (resolved.strict) {
        throw new OffloadOptionError(
          `${what}, and offload.strict refuses to run such a client on the main thread. Leave the option or strict away.`,
        );
      }
      warnOnce(
        `option ${this.#onMain}`,
        `${what}: clients that have it run on the main thread, correctly, but not off the event loop.`,
      );
    } else {
      workerEntry();
    }
    const events = new ClientEvents(this);
    this.#link = new ClientLink(
      url,
      optionsForWorkers(driverOptions),
      resolved,
      events,
      CredentialCallbacks.of(driverOptions),
    );
    watchListeners(this, events);
    const logger = loggerOf(this);
    if (logger !== undefined && this.#onMain === undefined) arrangeLog(logger);
    const state: ClientState = {
      link: this.#link,
      onMain: this.#onMain,
      prepare: () => this.#prepare(),
    };
    setState(this, state);
  }

  /** What the connection string may ask for that cannot cross either. */
  #parsedReason(): string | undefined {
    return this.options.autoEncryption === undefined ? undefined : 'autoEncryption';
  }

  override async connect(): Promise<this> {
    if (this.#onMain !== undefined) return await super.connect();
    const [worker, monitoring] = await Promise.allSettled([
      this.#link.call({
        name: 'client.connect',
        target: clientTarget(this),
        args: encodeCall({}, {}),
      }),
      this.#monitor(),
    ]);
    // The worker's is the connection that matters; it has authenticated as well.
    if (worker.status === 'rejected') throw await rethrown(worker.reason);
    if (monitoring.status === 'rejected') throw await rethrown(monitoring.reason);
    return this;
  }

  override async close(force = false): Promise<void> {
    const { s } = this as unknown as ClientInternals;
    for (const session of s.activeSessions) lastTransaction(session)?.release();
    // Transactions end first: their workers must still be there to abort them.
    await Promise.all([...s.activeSessions].map(async (session) => await session.endSession()));
    const ended: Uint8Array[] = [];
    if (this.#onMain === undefined) {
      // The workers end the server's sessions; the driver here would open a connection for it.
      for (
        let next = s.sessionPool.sessions.shift();
        next !== null;
        next = s.sessionPool.sessions.shift()
      ) {
        ended.push(new Uint8Array(next.id.id.buffer));
      }
    }
    await Promise.all([super.close(force), this.#link.close(force, ended)]);
  }

  /** Adds to what connections that are made from now on, in all workers, tell the server of the program. */
  override appendMetadata(driverInfo: DriverInfo): void {
    super.appendMetadata(driverInfo);
    // The driver's constructor calls it as well, with the option that workers get among the others.
    if (#link in this) this.#link.appendMetadata(driverInfo);
  }

  override db(dbName?: string, options?: DbOptions): Db {
    return Object.setPrototypeOf(super.db(dbName, options), Db.prototype) as Db;
  }

  override startSession(options?: ClientSessionOptions): ClientSession {
    const session = super.startSession(options);
    // The driver's own internals start implicit sessions by this method too; those stay its own.
    const { explicit } = session as unknown as { explicit: boolean };
    if (!explicit) return session;
    return offloadedSession(session, this.#link, this.#onMain !== undefined);
  }

  /**
   * Runs a function in a transaction. Every operation of this client that the function calls and awaits
   * takes part by itself, in whatever module or library it is called: it is given no session, and
   * `session: null` keeps one out. Commits when the function returns and aborts when it throws. Where the
   * server asks for it, the function is called anew, as by `session.withTransaction`.
   *
   * Inside of another transaction of this client's, the function takes part in that one; when it fails,
   * all of it is aborted. Change streams are part of no transaction.
   *
   * @example
   * ```ts
   * await client.transaction(async () => {
   *   await accounts.updateOne({ _id: from }, { $inc: { balance: -amount } });
   *   await accounts.updateOne({ _id: to }, { $inc: { balance: amount } });
   * });
   * ```
   * @returns what the function returned
   * @throws what the function threw; the server's and the driver's errors. An operation that is called
   *   when the transaction is over rejects with a TransactionEndedError.
   */
  async transaction<T>(
    fn: (session: ClientSession) => Promise<T>,
    options?: TransactionOptions,
  ): Promise<T> {
    if (typeof fn !== 'function') {
      throw new driver.MongoInvalidArgumentError('client.transaction() needs a function to call');
    }
    const around = transactionHere(this);
    if (around?.over === false) return await runNested(around, fn, options);
    return await this.withSession(async (session) => {
      makeAmbient(session);
      return await session.withTransaction(fn, options);
    });
  }

  /** Creates a change stream. Nothing is sent before it is read or listened to. */
  override watch<
    TSchema extends Document = Document,
    TChange extends Document = ChangeStreamDocument<TSchema>,
  >(pipeline?: Document[], options?: ChangeStreamOptions): ChangeStream<TSchema, TChange> {
    return offloadedChangeStream(super.watch<TSchema, TChange>(pipeline, options));
  }

  /** The server's `buildInfo`: version, modules, limits. */
  async serverInfo(): Promise<Document> {
    return await this.db('admin').admin().serverInfo();
  }

  /**
   * Resolves when the deployment answers. Retries with backoff while it does not.
   *
   * @example
   * ```ts
   * await client.waitUntilReady({
   *   timeoutMS: 60_000,
   *   onRetry: (error, attempt) => console.warn(`try ${attempt}: ${error.message}`),
   * });
   * ```
   * @throws NotReadyError at the deadline, with the last try's error as its cause; the signal's
   *   reason; at once, what no retry can mend (a wrong password, for one)
   */
  async waitUntilReady(options: WaitUntilReadyOptions = {}): Promise<this> {
    const { timeoutMS = 30_000, signal, onRetry } = options;
    if (typeof timeoutMS !== 'number' || !(timeoutMS >= 0)) {
      throw new driver.MongoInvalidArgumentError(
        `timeoutMS must be a number of milliseconds, not ${String(timeoutMS)}`,
      );
    }
    const deadline = performance.now() + timeoutMS;
    let lastError: Error | undefined;
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      const left = deadline - performance.now();
      if (left <= 0) throw new NotReadyError(timeoutMS, attempt - 1, lastError);
      try {
        await this.#attempt(Math.min(left, ATTEMPT_MS), signal);
        return this;
      } catch (error) {
        signal?.throwIfAborted();
        if (!mayPass(error as Error)) throw error;
        lastError = error as Error;
      }
      const backoff = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
      const delayMS = Math.round(backoff * (0.5 + Math.random() / 2));
      const remaining = deadline - performance.now();
      if (remaining <= 0) throw new NotReadyError(timeoutMS, attempt, lastError);
      onRetry?.(lastError, attempt, delayMS);
      await delay(Math.min(delayMS, remaining), undefined, { signal });
    }
  }

  /** One try to reach a server, by a client of its own: its time limit is not this client's. */
  async #attempt(limitMS: number, signal: AbortSignal | undefined): Promise<void> {
    const ms = Math.max(1, Math.ceil(limitMS));
    const probe = this.#link.call({
      name: 'client.probe',
      target: clientTarget(this),
      args: encodeCall({ o: { limitMS: ms } }, {}),
      signal,
    });
    await probe;
    await untilAborted(this.connect(), signal);
  }

  #prepare(): void {
    const { s, topology } = this as unknown as ClientInternals;
    if (s.hasBeenClosed && topology === undefined) {
      throw new driver.MongoNotConnectedError('Client must be connected before running operations');
    }
    if (topology?.isConnected() !== true) {
      // The monitoring starts beside the first operation, which does not wait for it.
      this.#monitor().catch(() => undefined);
    }
  }

  /** The driver's own monitoring on the main thread: no connection but the monitors'. */
  async #monitor(): Promise<unknown> {
    return await (this.#monitoring ??= this.#startMonitoring().finally(() => {
      this.#monitoring = undefined;
    }));
  }

  async #startMonitoring(): Promise<void> {
    const options = this.options as { minPoolSize: number; __skipPingOnConnect?: boolean };
    const { minPoolSize } = options;
    // The pool here stays empty: the driver fills it to minPoolSize unless it is 0.
    options.minPoolSize = 0;
    options.__skipPingOnConnect = true;
    try {
      await super.connect();
    } finally {
      options.minPoolSize = minPoolSize;
      delete options.__skipPingOnConnect;
    }
  }
}

const carrier: Carrier<driver.MongoClient> = {
  client: (client) => client,
  target: clientTarget,
  bson: ({ bsonOptions }) => bsonOptions,
};

ownAllMethods(MongoClient, driver.MongoClient);
installListenerWatch(MongoClient.prototype);
installMainPools(MongoClient.prototype);

offloadMethods<driver.MongoClient>(MongoClient.prototype, 'client', carrier, {
  bulkWrite: {
    accepts([models]) {
      return (
        Array.isArray(models) &&
        models.every((model) => typeof model === 'object' && model !== null)
      );
    },
    encode(this: driver.MongoClient, [models], options, bson, sliceMS) {
      const { pkFactory } = this.options as { pkFactory?: { createPk(): unknown } };
      for (const model of models as Document[]) {
        if (model.name !== 'insertOne') continue;
        const document = model.document as Document | undefined;
        if (document && document._id == null) {
          document._id = pkFactory ? pkFactory.createPk() : new driver.ObjectId();
        }
      }
      return encodeListCall(models as Document[], options, bson, sliceMS);
    },
    result: (result) => reviveMaps(result as Document),
  },
});

/** The verbose results of a client's bulk write are maps; they travel as lists of pairs. */
function reviveMaps(result: Document): Document {
  for (const name of ['insertResults', 'updateResults', 'deleteResults']) {
    const pairs: unknown = result[name];
    if (Array.isArray(pairs)) result[name] = new Map(pairs as [number, unknown][]);
    else result[name] = undefined;
  }
  return result;
}

/** Passes an error on from the async function that the caller awaits. */
async function rethrown(reason: unknown): Promise<unknown> {
  return await Promise.resolve(reason);
}

/** Whether another try may end otherwise: not for wrong credentials or arguments. */
function mayPass(error: Error): boolean {
  if (error instanceof driver.MongoServerSelectionError) return true;
  if (error instanceof driver.MongoNetworkError) return true;
  if (error instanceof driver.MongoServerError) return error.code !== 18;
  return !(error instanceof driver.MongoAPIError || error instanceof driver.MongoParseError);
}
