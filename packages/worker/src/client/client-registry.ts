import {
  MongoClient,
  type Collection,
  type Db,
  type Document,
  type DriverInfo,
  type MongoClientOptions,
} from 'mongodb';

import { decodeFaithful } from '../codec';
import { EventForwarder, loggingOptions, type EventOutbox } from '../events';
import { packError } from '../errors';
import type { TargetDefinition, ToWorker } from '../protocol';
import {
  clientInternals,
  onServerFailure,
  withReadPreference,
  type ClientInternals,
  type MetFailure,
} from '../driver';
import { adoptServerSessions } from '../session';
import { useActiveSets } from './active-set';
import { appendMetadata, nameClient } from './metadata';
import { useEnvironment, resolveNamesAs } from './thread-settings';
import { RemoteCredentials } from './remote-credentials';

/** The driver's objects on which an operation runs. */
export interface Target {
  client: MongoClient;
  /** Connects to the deployment with a separate client, within `limitMS`. Rejects if that fails. */
  probe(limitMS: number): Promise<void>;
  /** The same on the worker's client for cursors that wait for data. */
  waiting(): Target;
  db?: Db;
  collection?: Collection;
}

interface Defined {
  /** Another of the driver's clients for the same client of the application. */
  another: (differing: MongoClientOptions) => MongoClient;
  client: MongoClient;
  /** The application has set `maxIdleTimeMS`. */
  saysIdle: boolean;
  /**
   * The client for change streams and tailable cursors that wait for data. Each keeps a connection as long as the
   * server lets it wait. Their separate, unbounded pool keeps a thousand of them from taking connections of other
   * operations. It is made for the first of them.
   */
  waiting?: MongoClient;
  events: EventForwarder;
  /** Receives the errors after which its clients mark a server Unknown. */
  failed: (failure: MetFailure) => void;
  /** The logging options of its clients. */
  logging: MongoClientOptions;
  /** Names that were appended to its handshake. */
  appended: DriverInfo[];
}

type ClientMessage = Extract<ToWorker, { type: 'client' }>;

/** Longest time, in ms, that a client's close waits for the end of its sessions. A server that answers takes a few. */
const ENDING_MS = 1_000;
const FORCED_ENDING_MS = 250;
/** `maxIdleTimeMS` of the connections for waiting streams, unless the application sets it. */
const WAITING_IDLE_MS = 60_000;

/** The driver's clients of this worker, one for each client of the application. */
export class ClientRegistry {
  readonly #clients = new Map<number, Defined>();
  readonly #targets = new Map<number, { client: number; target: Target | Error }>();
  /** The errors of clients that could not be made here. */
  readonly #refused = new Map<number, Error>();
  readonly #outbox: EventOutbox;

  constructor(outbox: EventOutbox) {
    this.#outbox = outbox;
  }

  define({ id, url, options: given, log, credentials, appended, names, env }: ClientMessage): void {
    const logging = loggingOptions(id, log, this.#outbox);
    const remote = credentials && new RemoteCredentials(credentials);
    const options: MongoClientOptions = { ...given };
    if (remote !== undefined) {
      options.authMechanismProperties = remote.complete(options.authMechanismProperties);
    }
    const another = (differing: MongoClientOptions): MongoClient => {
      const client = new MongoClient(url, { ...options, ...differing });
      useActiveSets(client);
      remote?.share(client);
      nameClient(client, appended);
      return client;
    };
    let client: MongoClient;
    try {
      resolveNamesAs(names);
      useEnvironment(env);
      client = another(logging);
    } catch (error) {
      // The main thread has made a client with the same options. Operations on this one reject with the error.
      this.#refused.set(id, error as Error);
      return;
    }
    const events = new EventForwarder(id, this.#outbox, log !== undefined);
    events.add(client);
    const failed = ({ address, error, sentAt }: MetFailure): void => {
      // `true`: bytes that look like a document are one, since the operation may have asked for raw replies.
      const packed = packError(error, true);
      this.#outbox.addFailure({
        type: 'serverFailure',
        client: id,
        address,
        error: packed,
        sentAt,
      });
    };
    onServerFailure(client, failed);
    const saysIdle = options.maxIdleTimeMS !== undefined || /[?&]maxIdleTimeMS=/i.test(url);
    const described = { another, client, saysIdle, events, failed, logging, appended };
    this.#clients.set(id, described);
    this.#updateActive();
  }

  appendMetadata(id: number, driverInfo: DriverInfo): void {
    const defined = this.#clients.get(id);
    if (defined === undefined) return;
    defined.appended.push(driverInfo);
    appendMetadata(defined.client, driverInfo);
    if (defined.waiting !== undefined) appendMetadata(defined.waiting, driverInfo);
  }

  listen(id: number, events: readonly string[]): void {
    this.#clients.get(id)?.events.listen(events);
    this.#updateActive();
  }

  /** Calls need a context only if there may be events. */
  #updateActive(): void {
    this.#outbox.active = [...this.#clients.values()].some(({ events }) => events.active);
  }

  defineTarget(id: number, { client: clientId, db, collection }: TargetDefinition): void {
    const defined = this.#clients.get(clientId);
    if (defined === undefined) {
      const refused = this.#refused.get(clientId);
      if (refused !== undefined) this.#targets.set(id, { client: clientId, target: refused });
      return;
    }
    const on = (client: MongoClient): Target => {
      const target: Target = {
        client,
        probe: (limitMS) => probe(defined, limitMS),
        waiting: () => on((defined.waiting ??= waitingClient(defined))),
      };
      if (db !== undefined) {
        target.db = client.db(db.name, targetOptions(db.options));
        if (collection !== undefined) {
          target.collection = target.db.collection(
            collection.name,
            targetOptions(collection.options),
          );
        }
      }
      return target;
    };
    this.#targets.set(id, { client: clientId, target: on(defined.client) });
  }

  client(id: number): MongoClient | undefined {
    return this.#clients.get(id)?.client;
  }

  /** @throws the error with which the client could not be made */
  target(id: number): Target | undefined {
    const target = this.#targets.get(id)?.target;
    if (target instanceof Error) throw target;
    return target;
  }

  forgetTargets(ids: readonly number[]): void {
    for (const id of ids) this.#targets.delete(id);
  }

  /** Closes one client and forgets it. Operations in flight reject with the driver's own error. */
  async close(id: number, force: boolean, endSessions: Uint8Array[]): Promise<void> {
    const defined = this.#clients.get(id);
    this.#clients.delete(id);
    this.#refused.delete(id);
    this.#updateActive();
    for (const [targetId, { client: owner }] of this.#targets) {
      if (owner === id) this.#targets.delete(targetId);
    }
    if (defined === undefined) return;
    const { client, waiting } = defined;
    adoptServerSessions(client, endSessions);
    await Promise.all([closed(client, force), waiting && closed(waiting, force)]);
  }

  async closeAll(): Promise<void> {
    await Promise.allSettled([...this.#clients.keys()].map((id) => this.close(id, true, [])));
  }
}

function targetOptions(bytes: Uint8Array | undefined): Document | undefined {
  return bytes && withReadPreference(decodeFaithful(bytes));
}

/**
 * Closes a client. The driver first ends its sessions, and would wait for the server without limit. Here it waits at
 * most `ENDING_MS`: a server ends idle sessions by itself. A client that still looks for its hosts has nothing to close
 * yet. It is closed again after that.
 */
async function closed(client: MongoClient, force: boolean): Promise<void> {
  const { connectionLock, topology } = clientInternals(client);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, force ? FORCED_ENDING_MS : ENDING_MS);
  });
  try {
    await Promise.race([client.close(force), late.then(() => cut(topology))]);
  } finally {
    clearTimeout(timer);
  }
  const again = (): Promise<void> => client.close(force);
  void connectionLock?.then(again, again);
}

/** Closes connections in use at once. Connections that are being made end by `connectTimeoutMS`. */
function cut(topology: ClientInternals['topology']): void {
  topology?.closeCheckedOutConnections();
  topology?.close();
}

function waitingClient(defined: Defined): MongoClient {
  const {
    another,
    client: { options },
    saysIdle,
    logging,
    events,
    failed,
  } = defined;
  const client = another({
    ...logging,
    maxPoolSize: 0,
    minPoolSize: 0,
    // A stream never waits for another's connection, only for a new one.
    waitQueueTimeoutMS: 0,
    maxIdleTimeMS: saysIdle ? options.maxIdleTimeMS : WAITING_IDLE_MS,
  });
  events.add(client, 'waiting');
  onServerFailure(client, failed);
  return client;
}

async function probe({ another }: Defined, limitMS: number): Promise<void> {
  const limits = {
    serverSelectionTimeoutMS: limitMS,
    connectTimeoutMS: limitMS,
    maxPoolSize: 1,
    minPoolSize: 0,
  };
  const silence: MongoClientOptions = { mongodbLogComponentSeverities: { default: 'off' } };
  const client = another({ ...limits, ...silence });
  try {
    await client.connect();
  } finally {
    await client.close(true);
  }
}
