import type { MessagePort } from 'node:worker_threads';

import type { Document, DriverInfo } from 'mongodb';

import type { TapeChunk } from '../codec';
import type { EnvelopeValue, ErrorEnvelope } from '../errors';
import type { EventBatch, EventMark, LogSettings } from './events';
import type { CredentialService } from './credentials';

/**
 * What a lane says: a lane is the one MessagePort between the main thread and one worker, opened by
 * a Piscina task and held for as long as any client is open. Messages on a port keep their order, so a
 * definition posted before an operation is known when the operation arrives.
 */
export type ToWorker =
  | {
      type: 'client';
      id: number;
      url: string;
      options: Record<string, unknown>;
      /** Where the client logs anything. */
      log?: LogSettings;
      /** Where the client has credential callbacks. */
      credentials?: CredentialService;
      /** What was appended to its handshake since it was made. */
      appended: DriverInfo[];
      names: NameResolution;
      /** The main thread's `process.env`. */
      env: Record<string, string>;
    }
  /** Appends to the handshake of a client. */
  | { type: 'metadata'; client: number; driverInfo: DriverInfo }
  /** The events of a client that someone listens to: these and no others. */
  | { type: 'listen'; client: number; events: readonly string[] }
  | { type: 'target'; id: number; definition: TargetDefinition }
  /** The targets have not been used for long. Earlier calls on them may still be under way. */
  | { type: 'forgetTargets'; ids: number[] }
  | {
      type: 'calls';
      /** CALL_STRIDE numbers a call. */
      calls: number[];
      /** The arguments of all calls, in order. */
      bytes: ArrayBuffer;
      /** For one large call: the buffers after `bytes`, each with its number of used bytes. */
      more?: { buffer: ArrayBuffer; length: number }[];
    }
  | { type: 'abort'; call: number }
  | { type: 'session'; id: number; definition: SessionDefinition }
  | { type: 'sessionUpdate'; id: number; update: Uint8Array }
  | { type: 'sessionEnd'; id: number }
  /** A server session that no explicit session uses, for the client's operations without one. */
  | { type: 'serverSession'; client: number; session: ServerSessionState }
  | { type: 'closeClient'; id: number; call: number; force: boolean; endSessions: Uint8Array[] }
  /** Asks for the worker's memory; answered by a HeapReply. */
  | { type: 'heap'; call: number }
  | { type: 'end' };

/** The memory of a worker's thread, in bytes. */
export interface HeapReply {
  used: number;
  limit: number;
  external: number;
}

/** A target of operations. It is sent to each worker that needs it, and again if the worker has forgotten it. */
export interface TargetDefinition {
  client: number;
  /** Absent for the client itself. */
  db?: { name: string; options?: Uint8Array };
  /** Absent for the database itself. */
  collection?: { name: string; options?: Uint8Array };
}

/** A session as the worker on which it lives is to make it. */
export interface SessionDefinition {
  client: number;
  /** The 16 bytes of its id: the main thread chooses it, for programs read it at once. */
  lsid: Uint8Array;
  /** The last transaction number that was used under this id. */
  txnNumber: number;
  causalConsistency: boolean;
  snapshot: boolean;
  /**
   * A transaction that a worker which is gone has left: its state, and its options as BSON. It is to
   * be aborted, or its commit tried again.
   */
  transaction?: { state: string; options: Uint8Array };
}

/** A session as the server knows it, while nobody uses it. */
export interface ServerSessionState {
  /** The 16 bytes of its id. */
  lsid: Uint8Array;
  txnNumber: number;
  /** By the driver's clock, which all threads share. */
  lastUse: number;
}

/**
 * What the main thread did to a session, as BSON: it starts a transaction, or moves its times on.
 * Sent before the next call that uses the session.
 */
export interface SessionUpdate extends SessionTimes {
  startTransaction?: Document;
  /** The state of that transaction if it ended on the main thread before any server knew of it. */
  ended?: string;
  /** How many transactions were started since the last update: those that were empty count as well. */
  started?: number;
}

/** What a session keeps of the server's time; a program may have set it to anything. */
export interface SessionTimes {
  clusterTime?: Document;
  operationTime?: Document;
  snapshotTime?: Document;
}

/** The state of a session in its worker, as BSON, after each reply that used it. */
export interface SessionSnapshot extends SessionTimes {
  txnNumber: number;
  isDirty: boolean;
  /** The driver's name of the transaction's state. */
  state: string;
}

/**
 * Numbers that one call takes in `calls`: call id, operation code, target id, length of its arguments in `bytes`,
 * CallFlags, session id (0 for none).
 */
export const CALL_STRIDE = 6;

/** How a call is to be run and answered. */
export const CallFlag = {
  none: 0,
  /** Documents go on the tape; else the main thread wants their bytes. */
  tape: 1,
  /** Documents in errors must be decoded; documents to be inserted may be sent without decoding. */
  raw: 2,
  /** An abort may follow. */
  abortable: 4,
  /** A value keeps the types that the driver gave it: BSON has no two kinds of a small integer. */
  exact: 8,
  /** What goes on the tape is to be read lazily. */
  lazy: 16,
} as const;

/** Numbers that one reply takes in `replies`: call id, kind, and what the kind says of it. */
export const REPLY_STRIDE = 3;

/** How a reply carries its result. */
export const ReplyKind = {
  /** The next document of `tape`. */
  tape: 0,
  null: 1,
  undefined: 2,
  /** The next `n` bytes of `bytes`: a BSON document whose only field is the result. */
  value: 3,
  /** The next `n` bytes of `bytes`: the result itself as a BSON document. */
  document: 4,
  /** `extras[n]`: an ErrorEnvelope. */
  error: 5,
  /** `extras[n]`: an OpenedCursor. */
  cursor: 6,
  /** `extras[n]`: the result as an EnvelopeValue. */
  exact: 7,
  /** The next `n` documents of `tape`: all that a cursor gives. */
  documents: 8,
  /** The next `n` bytes of `bytes`: a server's reply that is the result. */
  reply: 9,
} as const;

/** What a worker answers: everything that became ready in one turn of its loop, together. */
export interface FromWorker {
  /** What happened before these replies. */
  events?: EventBatch;
  replies: number[];
  tape?: TapeChunk;
  bytes?: ArrayBuffer;
  extras?: (ErrorEnvelope | OpenedCursor | EnvelopeValue)[];
  /** Snapshots of the sessions that these replies used. */
  sessions?: { id: number; snapshot: Uint8Array }[];
  /** Server sessions that clients in this worker have to spare. */
  serverSessions?: { client: number; session: ServerSessionState }[];
}

/** The driver's cursors that a worker can open. */
export type CursorKind =
  | 'find'
  | 'aggregate'
  | 'listCollections'
  | 'listIndexes'
  | 'listSearchIndexes'
  | 'runCommand'
  | 'changeStream';

/**
 * A batch of a cursor as it travels. `more` is false on the last one; then the worker has already
 * closed its cursor and nothing is left there.
 */
export interface CursorBatch {
  chunk: TapeChunk;
  /** The server's cursor id as 8 little-endian bytes in two int32s: low, high. */
  id: [low: number, high: number];
  namespace?: string;
  more: boolean;
  /** False where the chunk is part of a batch of the server's, and not its end. */
  endOfBatch: boolean;
  /** Of the cursor's session, where it has one: a SessionSnapshot. */
  session?: { id: number; snapshot: Uint8Array };
  /** Of a change stream, where the chunk ends a batch of the server's. */
  response?: ChangeStreamResponse;
}

/** What a change stream reads of the server's response in addition to its documents. */
export interface ChangeStreamResponse {
  /** `{ operationTime, postBatchResumeToken }` as BSON, each only where the server gave it. */
  bytes: Uint8Array;
  /** Documents in the server's batch. */
  batchSize: number;
  /** The newest wire version that the server speaks: it decides which errors can be resumed from. */
  maxWireVersion: number | undefined;
}

/** The answer to `cursor.open`: the first batch, and a port only where more may follow. */
export interface OpenedCursor {
  batch: CursorBatch;
  port?: MessagePort;
}

/** What Comlink exposes on a cursor's port. Calls are answered in the order in which they came. */
export interface CursorHandle {
  /** The next batch, or the error in its place. A call outstanding is one unit of credit. */
  next(
    options?: NextOptions,
  ): Promise<(CursorBatch | { error: ErrorEnvelope }) & { mark?: EventMark }>;
  close(options?: CloseOptions): Promise<EventMark>;
}

/** How the main thread resolves names: see `dns.getServers` and `dns.getDefaultResultOrder`. */
export interface NameResolution {
  servers: string[];
  order: 'ipv4first' | 'ipv6first' | 'verbatim';
}

/** How a cursor is closed. */
export interface CloseOptions {
  /** Its session is used by other operations, so killCursors runs without it. */
  apart?: boolean;
  /** The reading was aborted: the worker does not wait for a batch that is being fetched. */
  now?: boolean;
}

/** What the main thread may change between batches. */
export interface NextOptions {
  batchSize?: number;
  /** All documents are kept: replies may be larger. */
  whole?: boolean;
  /** Chunks' buffers that were read, to be filled again. */
  buffers?: ArrayBuffer[];
}

/** The task that Piscina runs in a worker: it serves its lane until the lane ends. */
export interface LaneTask {
  port: MessagePort;
  /** Bytes of BSON that a cursor's chunk aims at. */
  chunkBytes: number;
  /** Whether the worker may poll for an answer that is due within a moment. */
  busyPoll: boolean;
  /** How far the worker has come, in memory that both threads see: see LaneProgress. */
  progress: SharedArrayBuffer;
}
