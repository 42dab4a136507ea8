import {
  AbstractCursor,
  type Binary,
  type ClientSession,
  type Collection,
  type Db,
  type Document,
  type DriverInfo,
  type MongoClient,
  type MongoDBNamespace,
  type ServerDescription,
  type Timestamp,
} from 'mongodb';

import type { SessionTimes, TokenGrant } from '../protocol';

/*
 * The private parts of the driver that the worker reads, calls or replaces. `checkDriver` compares the list at the end
 * of this file with the installed driver.
 */

/** The private state of a client. */
export interface ClientInternals {
  s: {
    sessionPool: ServerSessionPool;
    activeSessions?: unknown;
    activeCursors?: unknown;
    authProviders?: AuthProviders;
  };
  options: {
    metadata?: Promise<Document>;
    credentials?: { mechanism: string; mechanismProperties: Document };
  };
  connectionLock?: Promise<unknown>;
  topology?: { closeCheckedOutConnections(): void; close(): void };
  mongoLogger?: { debug: (component: string, message: unknown) => void };
  appendMetadata(driverInfo: DriverInfo): void;
}

/** The authentication of a client's connections. */
export interface AuthProviders {
  getOrCreateProvider(
    mechanism: string,
    properties: Document,
  ): { workflow?: { cache?: TokenCache } };
}

/** The driver's cache of a client's OIDC tokens. */
export interface TokenCache {
  put(response: TokenGrant, idpInfo?: Document): void;
}

export function clientInternals(client: MongoClient): ClientInternals {
  return client as unknown as ClientInternals;
}

interface ServerSessionPool {
  sessions: {
    length: number;
    push(session: ServerSession): void;
    unshift(session: ServerSession): void;
    pop(): ServerSession | null;
  };
}

/** The id of a session on the server, with the number of its newest transaction. */
export interface ServerSession {
  id: { id: Binary };
  txnNumber: number;
  isDirty: boolean;
  lastUse: number;
  hasTimedOut?(): boolean;
}

/** The private state of a session. */
export interface SessionInternals extends SessionTimes {
  _serverSession: ServerSession;
  sessionPool: { release(session: ServerSession): void };
  transaction: { state: string };
  txnNumberIncrement: number;
}

export function sessionInternals(session: ClientSession): SessionInternals {
  return session as unknown as SessionInternals;
}

/** A session as the driver's cursors and connections use it. */
export interface CommandSession extends ClientSession {
  isPinned: boolean;
  unpin(options: { force: boolean }): void;
}

/** The private state of a cursor. */
export interface CursorInternals {
  client: { startSession(options: { owner: unknown; explicit: false }): CursorSession };
  cursorSession: CursorSession | null;
  /** The driver reads these before each command. */
  cursorOptions: { batchSize?: number };
  documents?: BufferedReply | null;
  /** The server that an open cursor reads from. */
  readonly server?: { readonly description: ServerDescription & { minRoundTripTime?: number } };
  cursorInit(): Promise<void>;
  fetchBatch(): Promise<void>;
  /** Sends killCursors if the server has a cursor, and ends the cursor's own session. */
  cleanup?: Cleanup;
}

export type Cleanup = (this: CursorInternals, timeoutMS?: number, error?: Error) => Promise<void>;

export interface CursorSession {
  /** The cursor that ends the session; undefined for a session of the application. */
  owner: unknown;
  endSession(): Promise<void>;
}

export function cursorInternals(cursor: AbstractCursor): CursorInternals {
  return cursor as unknown as CursorInternals;
}

/** An element that the driver has found in a reply: its type, and the places of its name and its value. */
export type ReplyElement = [
  type: number,
  nameOffset: number,
  nameLength: number,
  offset: number,
  length: number,
];

/** A cursor's last reply: the batch is an array in the bytes of the reply. */
export interface BufferedReply {
  batch?: { bson?: Uint8Array; elements?: ReplyElement[] };
  iterated?: number;
  isExplain?: boolean;
  clear(): void;
}

/** A server's reply. */
export interface Reply {
  readonly bson: Uint8Array;
  readonly elements: readonly ReplyElement[];
  toBytes?(): Uint8Array;
  toObject?: (this: Reply, options?: object) => object;
}

/** The driver's cursor of a change stream. */
export interface ChangeStreamCursor extends AbstractCursor {
  maxWireVersion?: number;
  getMore(): Promise<unknown>;
}

/** Returns the client and the namespace of a database or collection. */
export function watched(on: Db | Collection): { client: MongoClient; namespace: MongoDBNamespace } {
  const { client, s } = on as unknown as {
    client: MongoClient;
    s: { namespace: MongoDBNamespace };
  };
  return { client, namespace: s.namespace };
}

/** The part of a response that the driver's change stream cursor shows in its events. */
export interface ChangeStreamReply {
  operationTime: Timestamp | null;
  postBatchResumeToken: Document | null;
  batchSize: number;
}

/** A connection of a pool or a monitor. */
export interface Connection {
  error: Error | null;
  description: { type: string; logicalSessionTimeoutMinutes?: number };
  on(event: 'close', listener: () => void): void;
  off(event: 'close', listener: () => void): void;
  writeCommand?: WriteCommand;
}

export type WriteCommand = (this: Connection, command: unknown, options: unknown) => Promise<void>;

/** A server of a topology. */
export interface Server {
  readonly name: string;
  readonly description: { readonly error: Error | null };
  readonly topology: {
    readonly client: MongoClient;
    readonly s: { options: { retryWrites?: boolean } };
  };
  /** Marks the server Unknown if the error means that its description is out of date. */
  handleError?: HandleError;
  /** Adds labels to the error of a command. */
  decorateCommandError?: DecorateError;
  /** Checks out a connection and runs an operation on it. */
  command?: RunOnServer;
}

export type HandleError = (this: Server, error: unknown, connection?: Connection) => void;
export type DecorateError = (
  this: Server,
  connection: Connection,
  command: Document,
  options: { session?: CommandSession } | undefined,
  error: Error,
) => Error;
export type RunOnServer = (
  this: Server,
  operation: { session?: CommandSession; command?: Document },
  timeoutContext: unknown,
) => Promise<unknown>;

/** The methods of a server's monitor with which operations start or restart a check. */
export const MONITOR_METHODS = ['connect', 'requestCheck', 'reset'] as const;

export type Monitor = Partial<Record<(typeof MONITOR_METHODS)[number], (this: object) => void>>;

/** An operation of the driver. */
export interface Operation {
  options: { signal?: AbortSignal };
  buildOptions(context: unknown): object;
}

export interface OperationModule {
  executeOperation: (client: unknown, operation: Operation, ...rest: unknown[]) => Promise<unknown>;
}

/** The statements of one command of a bulk operation. Driver 7.9 takes their bytes as well. */
export interface BulkBatch {
  operations: unknown[];
  serializedOperations?: Uint8Array[];
  originalIndexes: number[];
}

/** The private state of a bulk operation. */
export interface BulkState {
  batches: BulkBatch[];
  currentIndex: number;
  maxBsonObjectSize: number;
  maxBatchSizeBytes: number;
  maxWriteBatchSize: number;
  maxKeySize: number;
}

/** BatchType.INSERT */
export const INSERT = 1;

/** The parts of the driver that insert documents without serializing them. */
export interface RawInsertParts {
  Batch: new (type: number, originalIndex: number) => BulkBatch;
  InsertOneOperation: new (
    collection: Collection,
    document: unknown,
    options: Document,
  ) => Operation & { serializedOperations?: Uint8Array[] };
  resolveOptions: (parent: Collection, options: Document) => Document;
}

interface ClassOf<T> {
  prototype: T;
}

/* eslint-disable @typescript-eslint/no-require-imports -- the package has no ES exports of these */
export const { Connection: ConnectionClass } = loaded<{ Connection: ClassOf<Connection> }>(
  () => require('mongodb/lib/cmap/connection') as never,
);
export const { Server: ServerClass } = loaded<{ Server: ClassOf<Server> }>(
  () => require('mongodb/lib/sdam/server') as never,
);
export const { Monitor: MonitorClass } = loaded<{ Monitor: ClassOf<Monitor> }>(
  () => require('mongodb/lib/sdam/monitor') as never,
);
export const { MongoDBResponse: ReplyClass } = loaded<{ MongoDBResponse: ClassOf<Reply> }>(
  () => require('mongodb/lib/cmap/wire_protocol/responses') as never,
);
/** Checked by `checkDriver`, which runs before anything else in a worker. */
export const ServerSessionClass = loaded<{
  ServerSession: new (cloned: ServerSession) => ServerSession;
}>(() => require('mongodb/lib/sessions') as never).ServerSession!;
/** Checked by `checkDriver`. */
export const ChangeStreamCursorClass = loaded<{
  ChangeStreamCursor: {
    new (
      client: MongoClient,
      namespace: MongoDBNamespace,
      pipeline: Document[],
      options: Document,
    ): ChangeStreamCursor;
    prototype: ChangeStreamCursor;
  };
}>(() => require('mongodb/lib/cursor/change_stream_cursor') as never).ChangeStreamCursor!;
/** The module itself: the driver calls the function that it finds here. Checked by `checkDriver`. */
export const operationModule = loaded<OperationModule>(
  () => require('mongodb/lib/operations/execute_operation') as never,
) as OperationModule;
const { Batch } = loaded<RawInsertParts>(() => require('mongodb/lib/bulk/common') as never);
const { InsertOperation, InsertOneOperation } = loaded<
  RawInsertParts & { InsertOperation: { length: number } }
>(() => require('mongodb/lib/operations/insert') as never);
const { resolveOptions } = loaded<RawInsertParts>(() => require('mongodb/lib/utils') as never);
const { SizedMessageTransform } = loaded<{ SizedMessageTransform: ClassOf<object> }>(
  () => require('mongodb/lib/cmap/connection') as never,
);
const compression = loaded<object>(
  () => require('mongodb/lib/cmap/wire_protocol/compression') as never,
);
/* eslint-enable @typescript-eslint/no-require-imports */

/** Returns a module of the driver, or an empty object if this version does not have it. */
function loaded<T extends object>(load: () => T): Partial<T> {
  try {
    return load();
  } catch {
    return {};
  }
}

/** Undefined with a driver before 7.9, whose inserts take no bytes. */
export const rawInsertParts = findRawInsertParts();

function findRawInsertParts(): RawInsertParts | undefined {
  if (Batch === undefined || InsertOneOperation === undefined || resolveOptions === undefined) {
    return undefined;
  }
  try {
    const takesBytes =
      Array.isArray(new Batch(INSERT, 0).serializedOperations) && InsertOperation?.length === 4;
    return takesBytes ? { Batch, InsertOneOperation, resolveOptions } : undefined;
  } catch {
    return undefined;
  }
}

interface Part {
  name: string;
  /** What has the members. */
  owner: object | undefined;
  members: readonly string[];
  /** `required`: a worker does not start without it. Otherwise: what is lost without it. */
  need: 'required' | { optional: string };
}

const changeStreamCursor = (ChangeStreamCursorClass as typeof ChangeStreamCursorClass | undefined)
  ?.prototype;

/**
 * The methods and functions of the driver that the worker calls or replaces. Drivers 7.0 to 7.9 have all required ones.
 */
const parts: readonly Part[] = [
  {
    name: 'AbstractCursor.prototype',
    owner: AbstractCursor.prototype,
    members: ['cursorInit', 'fetchBatch'],
    need: 'required',
  },
  {
    name: 'AbstractCursor.prototype',
    owner: AbstractCursor.prototype,
    members: ['cleanup'],
    need: { optional: 'a cursor reports a lost server only after serverSelectionTimeoutMS' },
  },
  {
    name: 'ChangeStreamCursor.prototype',
    owner: changeStreamCursor,
    members: ['getMore'],
    need: 'required',
  },
  {
    name: 'mongodb/lib/sessions',
    owner: { ServerSession: ServerSessionClass as unknown },
    members: ['ServerSession'],
    need: 'required',
  },
  {
    name: 'mongodb/lib/operations/execute_operation',
    owner: operationModule,
    members: ['executeOperation'],
    need: 'required',
  },
  {
    name: 'MongoDBResponse.prototype',
    owner: ReplyClass?.prototype,
    members: ['toObject', 'toBytes'],
    need: { optional: 'results that are passed through are encoded again' },
  },
  {
    name: 'Connection.prototype',
    owner: ConnectionClass?.prototype,
    members: ['writeCommand'],
    need: { optional: 'a command may wait for ever on a connection that is closed' },
  },
  {
    name: 'Server.prototype',
    owner: ServerClass?.prototype,
    members: ['decorateCommandError', 'command'],
    need: { optional: 'errors of lost connections lack labels, so that fewer are retried' },
  },
  {
    name: 'Server.prototype',
    owner: ServerClass?.prototype,
    members: ['handleError'],
    need: { optional: 'the main thread learns of a failed server only from its own monitoring' },
  },
  {
    name: 'Monitor.prototype',
    owner: MonitorClass?.prototype,
    members: MONITOR_METHODS,
    need: { optional: 'events of the monitoring name the call that started the check' },
  },
  {
    name: 'mongodb/lib/operations/insert',
    owner: rawInsertParts,
    members: ['InsertOneOperation'],
    need: { optional: 'the worker serializes inserted documents again (before 7.9)' },
  },
  {
    name: 'Connection.prototype',
    owner: ConnectionClass?.prototype,
    members: ['command', 'exhaustCommand'],
    need: { optional: 'answers to hello are not checked' },
  },
  {
    name: 'SizedMessageTransform.prototype',
    owner: SizedMessageTransform?.prototype,
    members: ['_transform'],
    need: { optional: "a server's messages are not checked" },
  },
  {
    name: 'mongodb/lib/cmap/wire_protocol/compression',
    owner: compression,
    members: ['decompressResponse'],
    need: { optional: "a server's compressed messages are not checked" },
  },
];

/**
 * Checks that the installed driver has what the worker cannot do without.
 *
 * @throws Error that names every required part that is missing
 */
export function checkDriver(): void {
  const missing = parts
    .filter(({ need }) => need === 'required')
    .flatMap(({ name, owner, members }) =>
      members
        .filter((member) => typeof (owner as Record<string, unknown>)?.[member] !== 'function')
        .map((member) => `${name}.${member}`),
    );
  if (missing.length === 0) return;
  throw new Error(
    `@mongo-offload/worker does not know this version of the package mongodb. ` +
      `It lacks ${missing.join(', ')}. Install mongodb 7.9, or a newer @mongo-offload/worker.`,
  );
}

/** Replaces a method by what `wrap` makes of it, unless this version of the driver lacks the method. */
export function replaceMethod<T extends object, K extends keyof T>(
  owner: T | undefined,
  name: K,
  wrap: (native: NonNullable<T[K]>) => NonNullable<T[K]>,
): void {
  const native = owner?.[name];
  if (owner !== undefined && typeof native === 'function') owner[name] = wrap(native);
}
