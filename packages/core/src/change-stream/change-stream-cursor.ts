import type { Readable } from 'node:stream';

import type { ChangeStreamResponse } from '@mongo-offload/worker/protocol';
import {
  BSON,
  MongoClientClosedError,
  MongoErrorLabel,
  type AbstractCursor,
  type Document,
  type Timestamp,
} from 'mongodb';

import {
  Batch,
  endOnAbort,
  interrupted,
  offloadCursorClass,
  type CursorDescription,
} from '../cursor';
import {
  ChangeStreamCursorClass,
  type BufferedDocuments,
  type ChangeStreamCursorInternals,
  type CursorInternals,
  ownAllMethods,
} from '../driver';
import { WorkerLostError } from '../errors';

/** The driver's cursor of a change stream, read in a worker thread and never read ahead. */
export abstract class ChangeStreamCursor extends ChangeStreamCursorClass {}

/**
 * Attempts of a resuming stream to find a server, each for up to `serverSelectionTimeoutMS`, and then to open its
 * cursor again there. The driver waits up to three times before it fails: for its getMore, for killCursors, and for any
 * server.
 */
export const RESUME_TRIES = 3;

/** Cursors of streams that resume. */
const resuming = new WeakSet<object>();
export function resumes(cursor: AbstractCursor): void {
  resuming.add(cursor);
}

type Cursor = ChangeStreamCursorInternals & AbstractCursor & NodeJS.EventEmitter;

ownAllMethods(ChangeStreamCursor, ChangeStreamCursorClass);
// Change streams report committed changes only, and the server allows none in a transaction.
offloadCursorClass(ChangeStreamCursor.prototype, describe, { transactional: false });

const { cursorInit, getMore, stream } = ChangeStreamCursor.prototype as unknown as {
  stream: (this: Cursor) => Readable & AsyncIterable<unknown>;
  cursorInit: (this: Cursor) => Promise<void>;
  getMore: (this: Cursor) => Promise<BufferedDocuments>;
};

const replacement = {
  async cursorInit(this: Cursor): Promise<void> {
    await cursorInit.call(this);
    const { documents } = this;
    if (!(documents instanceof Batch)) return;
    const operationTime = take(this, documents);
    const { resumeAfter, startAfter } = this.changeStreamCursorOptions;
    if (this.startAtOperationTime == null && resumeAfter == null && startAfter == null) {
      this.startAtOperationTime = operationTime ?? null;
    }
    this.emit('init', documents);
    this.emit('response');
  },

  async getMore(this: Cursor): Promise<BufferedDocuments> {
    let batch: BufferedDocuments;
    try {
      batch = await getMore.call(this);
    } catch (error) {
      // A read that `close` ended rejects as the driver's does, whatever the worker's error was.
      if (this.isKilled && !(error instanceof MongoClientClosedError)) throw interrupted();
      // After the loss of its worker, a stream resumes as after the loss of a connection.
      if (error instanceof WorkerLostError)
        error.addErrorLabel(MongoErrorLabel.ResumableChangeStreamError);
      throw error;
    }
    if (batch instanceof Batch) {
      take(this, batch);
      this.emit('more', batch);
      this.emit('response');
    }
    return batch;
  },

  /** Also removes the signal's listener, which the driver's method leaves when the stream is destroyed. */
  stream(this: Cursor): Readable & AsyncIterable<unknown> {
    const { signal } = this;
    this.signal = undefined;
    try {
      const readable = stream.call(this);
      endOnAbort(readable, signal);
      return readable;
    } finally {
      this.signal = signal;
    }
  },
};

for (const [name, value] of Object.entries(replacement)) {
  Object.defineProperty(ChangeStreamCursor.prototype, name, {
    value,
    writable: true,
    configurable: true,
  });
}

/** Updates the stream's position from a batch. Returns the server's operation time, if the batch has it. */
function take(cursor: Cursor, { response }: Batch): Timestamp | undefined {
  if (response === undefined) {
    // This is only a part of the server's batch. Its resume token belongs to the last part, and arrives with it.
    cursor.postBatchResumeToken = undefined;
    return undefined;
  }
  const { operationTime, postBatchResumeToken } = fieldsOf(response);
  cursor.maxWireVersion = response.maxWireVersion;
  cursor._processBatch({ postBatchResumeToken, batchSize: response.batchSize });
  return operationTime;
}

function fieldsOf({ bytes }: ChangeStreamResponse): {
  operationTime?: Timestamp;
  postBatchResumeToken?: Document;
} {
  // The resume token must go back to the server unchanged.
  return BSON.deserialize(bytes, {
    promoteValues: false,
    promoteLongs: false,
    promoteBuffers: false,
  });
}

function describe(internals: CursorInternals): CursorDescription {
  const { pipeline, cursorOptions, changeStreamCursorOptions, cursorNamespace } =
    internals as ChangeStreamCursorInternals;
  const stage = pipeline[0]?.$changeStream as Document | undefined;
  return {
    kind: 'changeStream',
    args: { pipeline },
    options: { ...cursorOptions, ...changeStreamCursorOptions },
    namespace: cursorNamespace,
    order: stage?.allChangesForCluster === true ? '' : cursorNamespace.toString(),
    tries: resuming.has(internals) ? RESUME_TRIES : undefined,
  };
}
