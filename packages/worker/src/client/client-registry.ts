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

/** What an operation is called on, as the real driver's object. */
export interface Target {
  client: MongoClient;
  /** Asks the deployment for a sign of life, by a client of its own that gives up after `limitMS`. */
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
   * The client for change streams and tailable cursors that wait. Each holds a connection for as
   * long as the server lets it wait: in a pool of their own, without a bound, a thousand of them
   * take none from other operations. Made for the first of them.
   */
  waiting?: MongoClient;
  events: EventForwarder;
  /** Receives the errors after which its clients mark a server Unknown. */
  failed: (failure: MetFailure) => void;
  /** How its clients log. */
  logging: MongoClientOptions;
  /** What was appended to its handshake. */
  appended: DriverInfo[];
}

type ClientMessage = Extract<ToWorker, { type: 'client' }>;

/** How long, in ms, ending its sessions may hold up a client's close. A server that answers takes a few. */
const ENDING_MS = 1_000;
const FORCED_ENDING_MS = 250;
/** A connection that no stream waits on any more is closed after this long, unless the options say otherwise. */
const WAITING_IDLE_MS = 60_000;

/** The driver's clients of this worker, one for each client of the application that came here. */
export class ClientRegistry {
  readonly #clients = new Map<number, Defined>();
  readonly #targets = new Map<number, { client: number; target: Target | Error }>();
  /** Clients that could not be made here, and why. */
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
      // The main thread has made one of the same options: what fails here is told by its operations.
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
    this.#noteListeners();
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
    this.#noteListeners();
  }

  /** Calls are told apart in events only where there may be any. */
  #noteListeners(): void {
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

  /** @throws why the client could not be made, if it could not */
  target(id: number): Target | undefined {
    const target = this.#targets.get(id)?.target;
    if (target instanceof Error) throw target;
    return target;
  }

  forgetTargets(ids: readonly number[]): void {
    for (const id of ids) this.#targets.delete(id);
  }

  /** Closes one client and forgets it. Operations under way end with the driver's own error. */
  async close(id: number, force: boolean, endSessions: Uint8Array[]): Promise<void> {
    const defined = this.#clients.get(id);
    this.#clients.delete(id);
    this.#refused.delete(id);
    this.#noteListeners();
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
 * Closes a client. The driver ends its sessions first, and waits for the server as long as that takes: one that does not
 * answer is waited for no longer than `ENDING_MS`, and ends them by itself. A client that still looks for its hosts has
 * nothing to close, and goes on: it is closed again behind that.
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

/** Ends at once what the driver waits for, but for connections that are being made: those end by `connectTimeoutMS`. */
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
    // Nothing waits here for another's connection, only for one of its own to be made.
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
