import type { Readable } from 'node:stream';

import type { SessionTimes } from '@mongo-offload/worker/protocol';
import { refuseUnsoundHellos, refuseUnsoundReplies } from '@mongo-offload/worker/server-checks';
import * as driver from 'mongodb';
import type {
  AbstractCursor,
  Admin,
  Binary,
  BSONSerializeOptions,
  BulkWriteOptions,
  BulkWriteResult,
  ClientSession,
  Collection,
  CollectionOptions,
  Db,
  Document,
  GridFSChunk,
  GridFSFile,
  Long,
  MongoClient,
  MongoDBNamespace,
  ReadPreference,
  Timestamp,
} from 'mongodb';

/*
 * All private parts of the driver that we use on the main thread. They are checked when this module is loaded. With a
 * driver that differs, loading fails with a clear error, instead of an operation with an odd one later.
 */

/** Private fields and methods of the driver's cursors. */
export interface CursorInternals {
  cursorId: Long | null;
  cursorSession: ClientSession | null;
  cursorNamespace: MongoDBNamespace;
  documents: BufferedDocuments | null;
  initialized: boolean;
  isClosed: boolean;
  isKilled: boolean;
  readonly isDead: boolean;
  transform?: (document: unknown) => unknown;
  signal?: AbortSignal;
  cursorOptions: Document & { readPreference: ReadPreference; batchSize?: number };
  cursorInit(): Promise<void>;
  fetchBatch(): Promise<void>;
  getMore(): Promise<BufferedDocuments>;
  cleanup(timeoutMS?: number, error?: Error): Promise<void>;
  transformDocument(document: unknown): Promise<unknown>;
  // of FindCursor
  cursorFilter?: Document;
  findOptions?: Document;
  // of AggregationCursor
  pipeline?: Document[];
  aggregateOptions?: Document;
  // of ListCollectionsCursor and ListIndexesCursor
  filter?: Document;
  options?: Document;
  // of RunCommandCursor
  command?: Document;
  getMoreOptions?: Document;
  resolveExplainTimeoutOptions?(verbosity: unknown, options: unknown): { explain?: unknown };
}

/** What a cursor reads from the response that `cursorInit` and `getMore` return. */
export interface BufferedDocuments {
  readonly id: Long;
  readonly ns: MongoDBNamespace | null;
  readonly length: number;
  shift(options?: unknown): unknown;
  clear(): void;
}

/** Returns a cursor, typed with its private parts. */
export function inside(cursor: AbstractCursor): CursorInternals {
  return cursor as unknown as CursorInternals;
}

/** A field of the driver's objects that its types leave out. */
interface Owned {
  client: MongoClient;
}

/** Returns the client that a collection or a cursor belongs to. */
export function clientOf(owned: Collection | AbstractCursor): MongoClient {
  return (owned as unknown as Owned).client;
}

/** The private state of a client. */
export interface ClientInternals {
  s: {
    hasBeenClosed: boolean;
    activeSessions: Set<ClientSession>;
    activeCursors: Set<AbstractCursor>;
    sessionPool: {
      sessions: {
        length: number;
        shift(): ServerSession | null;
        push(session: ServerSession): void;
      };
      acquire(): ServerSession;
    };
  };
  topology?: Topology;
}

/** A session as the server knows it. */
export interface ServerSession {
  id: { id: Binary };
  txnNumber: number;
  lastUse: number;
  isDirty: boolean;
}

/** The driver's view of the deployment, on the main thread. */
export interface Topology {
  emit(name: string | symbol, ...args: unknown[]): boolean;
  isConnected(): boolean;
  close(): void;
  selectServer(selector: ServerSelector, options: { operationName: string }): Promise<unknown>;
  s: { servers: Map<string, Server> };
}

/** One server of a topology, with its monitor. */
export interface Server {
  readonly description: driver.ServerDescription;
  /** Marks the server Unknown if the error means that its description is out of date. */
  handleError(error: Error): void;
  /** Makes the monitor check the server at once. */
  requestCheck(): void;
}

/** Returns the servers that are suitable. */
export type ServerSelector = (
  topology: driver.TopologyDescription,
  servers: driver.ServerDescription[],
) => driver.ServerDescription[];

/** Fields of a session that the driver's types leave out or make read-only. */
export interface SessionInternals extends SessionTimes {
  client: MongoClient;
  serverSession: { id: { id: Binary }; txnNumber: number; isDirty: boolean; lastUse: number };
  supports: { causalConsistency: boolean };
  snapshotEnabled: boolean;
  transaction: { state: string; isActive: boolean; options: Document };
  txnNumberIncrement: number;
}

export function sessionInternals(session: ClientSession): SessionInternals {
  return session as unknown as SessionInternals;
}

/** Statements of one type in a bulk operation. */
export interface BulkBatch {
  batchType: number;
  operations: Document[];
  /** The operations, encoded when they were added; older drivers encode at execution. */
  serializedOperations?: Uint8Array[];
  originalIndexes: number[];
}

/** The private state of a bulk operation. */
export interface BulkInternals {
  collection: Collection;
  isOrdered: boolean;
  batches: BulkBatch[];
  s: {
    executed: boolean;
    options: BulkWriteOptions;
    bsonOptions: BSONSerializeOptions;
    checkKeys: boolean;
    usingAutoEncryption?: boolean;
    bulkResult: { insertedIds: { index: number; _id: unknown }[] };
  };
}

export function bulkInternals(
  bulk: driver.OrderedBulkOperation | driver.UnorderedBulkOperation,
): BulkInternals {
  return bulk as unknown as BulkInternals;
}

/** The driver's logger, with the severities that it logs. */
export interface Logger {
  readonly componentSeverities: Record<
    'command' | 'connection' | 'serverSelection' | 'topology',
    string
  >;
  readonly maxDocumentLength: number;
  logDestination: { write(line: object): unknown };
  debug(component: string, message: { toLog(): object }): void;
  /** Ends the logging of a client whose destination fails, and reports that. */
  logWriteFailureHandler(error: unknown): void;
}

/** Returns the logger of a client; undefined if nothing is logged. */
export function loggerOf(client: MongoClient): Logger | undefined {
  return (client as unknown as { mongoLogger?: Logger }).mongoLogger;
}

/** Returns the options that a collection was made with. */
export function collectionOptionsOf(collection: Collection): CollectionOptions {
  return (collection as unknown as { s: { options: CollectionOptions } }).s.options;
}

/** Returns the database that an Admin was made by. */
export function dbOf(admin: Admin): Db {
  return (admin as unknown as { s: { db: Db } }).s.db;
}

/** Fields of a GridFS bucket that the driver's types leave out. */
export interface BucketInternals {
  s: {
    db: Db;
    _chunksCollection: Collection<GridFSChunk>;
    _filesCollection: Collection<GridFSFile>;
  };
}

export function bucketInternals(bucket: driver.GridFSBucket): BucketInternals {
  return bucket as unknown as BucketInternals;
}

/** Returns the private state of a GridFS download: what it reads, and its position. */
export function readStreamInternals(stream: driver.GridFSBucketReadStream): {
  chunks: Collection<GridFSChunk>;
  files: Collection<GridFSFile>;
  /** Set once the file was found. */
  file?: GridFSFile;
  /** Number of the next chunk. */
  expected: number;
  /** Byte at which the download ends; 0 for the end of the file. */
  options: { end: number };
} {
  return (stream as unknown as { s: ReturnType<typeof readStreamInternals> }).s;
}

interface BulkModule {
  BulkWriteResult: new (result: Document, isOrdered: boolean) => BulkWriteResult;
}

export const { BulkWriteResult: BulkWriteResultClass } =
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the package has no ES export of it
  require('mongodb/lib/bulk/common') as BulkModule;

/** The driver declares this class but does not export it. */
export const { RunCommandCursor: RunCommandCursorClass } =
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the package has no ES export of it
  require('mongodb/lib/cursor/run_command_cursor') as {
    RunCommandCursor: typeof driver.RunCommandCursor;
  };

/** Fields and methods of a change stream that the driver's types leave out. */
export interface ChangeStreamInternals {
  cursor: AbstractCursor;
  cursorStream?: Readable;
  isClosed: boolean;
  parent: MongoClient | Db | Collection;
  /** Set for a stream with `timeoutMS`. */
  timeoutContext?: object;
  _resume(changeStreamError: Error): Promise<void>;
  _createChangeStreamCursor(options: Document): AbstractCursor;
  _streamEvents(cursor: AbstractCursor): void;
}

/** The driver's cursor of a change stream, a class that its types leave out. */
export interface ChangeStreamCursorInternals extends CursorInternals {
  pipeline: Document[];
  changeStreamCursorOptions: Document;
  startAtOperationTime: Timestamp | null;
  postBatchResumeToken?: Document;
  maxWireVersion?: number;
  _processBatch(response: { postBatchResumeToken?: Document; batchSize: number }): void;
}

export const { ChangeStreamCursor: ChangeStreamCursorClass } =
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the package has no ES export of it
  require('mongodb/lib/cursor/change_stream_cursor') as {
    ChangeStreamCursor: abstract new () => AbstractCursor;
  };

const { MongoDBResponse: ResponseClass } =
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the package has no ES export of it
  require('mongodb/lib/cmap/wire_protocol/responses') as {
    MongoDBResponse: { make(bson: Uint8Array): Document };
  };

/**
 * Wraps the bytes of a reply as the driver does for replies that it does not decode. Returns a decoded reply as it is.
 */
export function serverReply(reply: Uint8Array | Binary | Document): Document {
  const bytes = reply instanceof driver.Binary ? reply.value() : reply;
  return bytes instanceof Uint8Array ? ResponseClass.make(bytes) : bytes;
}

const { MongoDBNamespace: NamespaceClass } =
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the package has no ES export of it
  require('mongodb/lib/utils') as {
    MongoDBNamespace: { fromString(namespace: string): MongoDBNamespace };
  };

export const namespaceFromString = (namespace: string): MongoDBNamespace =>
  NamespaceClass.fromString(namespace);

export const { ServerSession: ServerSessionClass } =
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the package has no ES export of it
  require('mongodb/lib/sessions') as {
    ServerSession: new (cloned: ServerSession) => ServerSession;
  };

const { Server: ServerClass } =
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the package has no ES export of it
  require('mongodb/lib/sdam/server') as { Server: { prototype: object } };

const expected: [string, object, string[]][] = [
  ['Server.prototype', ServerClass.prototype, ['handleError', 'requestCheck']],
  [
    'AbstractCursor.prototype',
    driver.AbstractCursor.prototype,
    ['cursorInit', 'fetchBatch', 'getMore', 'cleanup', 'transformDocument'],
  ],
  [
    'FindCursor.prototype',
    driver.FindCursor.prototype,
    ['resolveExplainTimeoutOptions', '_initialize'],
  ],
  [
    'ChangeStream.prototype',
    driver.ChangeStream.prototype,
    ['_createChangeStreamCursor', '_streamEvents'],
  ],
  [
    'ChangeStreamCursor.prototype',
    ChangeStreamCursorClass.prototype as object,
    ['_processBatch', 'getMore'],
  ],
];

for (const [name, prototype, methods] of expected) {
  for (const method of methods) {
    if (typeof (prototype as Record<string, unknown>)[method] !== 'function') {
      throw new Error(
        `@mongo-offload/core does not support this version of the package mongodb: ` +
          `${name}.${method} is missing. Install mongodb 7.9, or a newer @mongo-offload/core.`,
      );
    }
  }
}

// The main thread's monitoring connects to the same servers as the workers, so its messages are checked too.
refuseUnsoundReplies();
refuseUnsoundHellos();
