import type { MessagePort } from 'node:worker_threads';

import type { Document, DriverInfo } from 'mongodb';

import type { TapeChunk } from '../codec';
import type { EnvelopeValue, ErrorEnvelope } from '../errors';
import type { EventBatch, EventMark, LogSettings } from './events';
import type { CredentialService } from './credentials';

/**
 * A message to a worker on its lane. A lane is the only MessagePort between the main thread and one worker. A Piscina
 * task opens it and keeps it open as long as any client is open. Messages on a port keep their order, so a definition
 * posted before an operation arrives before it.
 */
export type ToWorker =
  | {
      type: 'client';
      id: number;
      url: string;
      options: Record<string, unknown>;
      /** Present if the client logs anything. */
      log?: LogSettings;
      /** Present if the client has credential callbacks. */
      credentials?: CredentialService;
      /** What the application appended to the handshake since it created the client. */
      appended: DriverInfo[];
      names: NameResolution;
      /** The main thread's `process.env`. */
      env: Record<string, string>;
    }
  /** Appends to a client's handshake. */
  | { type: 'metadata'; client: number; driverInfo: DriverInfo }
  /** All events of a client that have listeners. The list replaces the previous one. */
  | { type: 'listen'; client: number; events: readonly string[] }
  | { type: 'target'; id: number; definition: TargetDefinition }
  /** The targets have not been used for a long time. Earlier calls on them may still be running. */
  | { type: 'forgetTargets'; ids: number[] }
  | {
      type: 'calls';
      /** CALL_STRIDE numbers per call. */
      calls: number[];
      /** The arguments of all calls, in order. */
      bytes: ArrayBuffer;
      /** For one large call: the buffers after `bytes`, each with the number of bytes used. */
      more?: { buffer: ArrayBuffer; length: number }[];
    }
  | { type: 'abort'; call: number }
  | { type: 'session'; id: number; definition: SessionDefinition }
  | { type: 'sessionUpdate'; id: number; update: Uint8Array }
  | { type: 'sessionEnd'; id: number }
  /** A server session that no explicit session uses. The client's operations without an explicit session use it. */
  | { type: 'serverSession'; client: number; session: ServerSessionState }
  | { type: 'closeClient'; id: number; call: number; force: boolean; endSessions: Uint8Array[] }
  /** Requests the worker's memory use. The worker answers with a HeapReply. */
  | { type: 'heap'; call: number }
  | { type: 'end' };

/** The memory of a worker thread, in bytes. */
export interface HeapReply {
  used: number;
  limit: number;
  external: number;
}

/**
 * A target of operations. The main thread sends it to each worker that needs it, and again if the worker has forgotten
 * it.
 */
export interface TargetDefinition {
  client: number;
  /** Absent for the client itself. */
  db?: { name: string; options?: Uint8Array };
  /** Absent for the database itself. */
  collection?: { name: string; options?: Uint8Array };
}

/** The definition from which a worker creates a session that lives on it. */
export interface SessionDefinition {
  client: number;
  /** The 16 bytes of its id. The main thread chooses the id, because applications read it right away. */
  lsid: Uint8Array;
  /** The last transaction number used with this id. */
  txnNumber: number;
  causalConsistency: boolean;
  snapshot: boolean;
  /**
   * The transaction that a dead worker left: its state, and its options as BSON. The new worker aborts it or retries
   * its commit.
   */
  transaction?: { state: string; options: Uint8Array };
}

/** A server session that is not in use. */
export interface ServerSessionState {
  /** The 16 bytes of its id. */
  lsid: Uint8Array;
  txnNumber: number;
  /** Time by the driver's clock, which all threads share. */
  lastUse: number;
}

/**
 * The main thread's changes to a session, as BSON: a started transaction or newer times. The main thread sends them
 * before the next call that uses the session.
 */
export interface SessionUpdate extends SessionTimes {
  startTransaction?: Document;
  /** The state of that transaction if it ended on the main thread before any server knew of it. */
  ended?: string;
  /** Number of transactions started since the last update, including empty ones. */
  started?: number;
}

/** The server times that a session remembers. The application may have set them to any value. */
export interface SessionTimes {
  clusterTime?: Document;
  operationTime?: Document;
  snapshotTime?: Document;
}

/** A session's state in its worker, as BSON. The worker sends it after each reply that used the session. */
export interface SessionSnapshot extends SessionTimes {
  txnNumber: number;
  isDirty: boolean;
  /** The driver's name for the state of the transaction. */
  state: string;
}

/**
 * Number of values per call in `calls`: call id, operation code, target id, length of its arguments in `bytes`,
 * CallFlags, and session id (0 for none).
 */
export const CALL_STRIDE = 6;

/** Flags that tell the worker how to run and answer a call. */
export const CallFlag = {
  none: 0,
  /** Documents go on the tape. Without this flag, the main thread gets their bytes. */
  tape: 1,
  /** Documents in errors must be decoded. Documents to insert may be sent without decoding. */
  raw: 2,
  /** An abort may follow. */
  abortable: 4,
  /**
   * The result keeps the types that the driver gave it. BSON cannot do that: it has only one type for a small integer.
   */
  exact: 8,
  /** The main thread reads the documents on the tape lazily. */
  lazy: 16,
} as const;

/** Number of values per reply in `replies`: call id, kind, and `n`, whose meaning depends on the kind. */
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
  /** The next `n` documents of `tape`: all documents of a cursor. */
  documents: 8,
  /** The next `n` bytes of `bytes`: a server's reply, which is the result. */
  reply: 9,
} as const;

/** A worker's answer: everything that became ready in one turn of its event loop. */
export interface FromWorker {
  /** Events that occurred before these replies. */
  events?: EventBatch;
  replies: number[];
  tape?: TapeChunk;
  bytes?: ArrayBuffer;
  extras?: (ErrorEnvelope | OpenedCursor | EnvelopeValue)[];
  /** Snapshots of the sessions that these replies used. */
  sessions?: { id: number; snapshot: Uint8Array }[];
  /** Server sessions that the clients in this worker do not need. */
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
 * A batch of a cursor in transit. `more` is false for the last batch: the worker has then closed its cursor and keeps
 * nothing of it.
 */
export interface CursorBatch {
  chunk: TapeChunk;
  /** The server's cursor id as 8 little-endian bytes in two int32s: low, high. */
  id: [low: number, high: number];
  namespace?: string;
  more: boolean;
  /** False if the server's batch continues after this chunk. */
  endOfBatch: boolean;
  /** A SessionSnapshot of the cursor's session, if it has one. */
  session?: { id: number; snapshot: Uint8Array };
  /** Only for a change stream, when the chunk ends a batch of the server. */
  response?: ChangeStreamResponse;
}

/** The parts of the server's response that a change stream reads in addition to its documents. */
export interface ChangeStreamResponse {
  /** `{ operationTime, postBatchResumeToken }` as BSON. Each field is present only if the server sent it. */
  bytes: Uint8Array;
  /** Documents in the server's batch. */
  batchSize: number;
  /** The newest wire version that the server supports. It decides after which errors the stream can resume. */
  maxWireVersion: number | undefined;
}

/** The answer to `cursor.open`: the first batch, and a port if more batches may follow. */
export interface OpenedCursor {
  batch: CursorBatch;
  port?: MessagePort;
}

/** The object that Comlink exposes on a cursor's port. It answers calls in the order of their arrival. */
export interface CursorHandle {
  /** Returns the next batch, or an error in its place. One outstanding call is one unit of credit. */
  next(
    options?: NextOptions,
  ): Promise<(CursorBatch | { error: ErrorEnvelope }) & { mark?: EventMark }>;
  close(options?: CloseOptions): Promise<EventMark>;
}

/** How the main thread resolves host names: see `dns.getServers` and `dns.getDefaultResultOrder`. */
export interface NameResolution {
  servers: string[];
  order: 'ipv4first' | 'ipv6first' | 'verbatim';
}

/** Options for closing a cursor. */
export interface CloseOptions {
  /** Other operations use the cursor's session, so killCursors runs without it. */
  apart?: boolean;
  /** The read was aborted, so the worker does not wait for a batch that it is fetching. */
  now?: boolean;
}

/** Options that the main thread may change between batches. */
export interface NextOptions {
  batchSize?: number;
  /** The application keeps all documents, so replies may be larger. */
  whole?: boolean;
  /** Buffers of chunks that were read. The worker fills them again. */
  buffers?: ArrayBuffer[];
}

/** The task that Piscina runs in a worker: it serves its lane until the lane ends. */
export interface LaneTask {
  port: MessagePort;
  /** Target size of a cursor's chunk, in bytes of BSON. */
  chunkBytes: number;
  /** Whether the worker may poll for a reply that it expects within a moment. */
  busyPoll: boolean;
  /** The memory of LaneProgress, which both threads see. */
  progress: SharedArrayBuffer;
}
