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

/** The driver's cursor under a change stream, read in a worker thread. It is never read ahead. */
export abstract class ChangeStreamCursor extends ChangeStreamCursorClass {}

/**
 * How often a stream tries to find a server where it resumes, each time for `serverSelectionTimeoutMS`, and to open
 * again with what it found. The driver waits up to three times before it fails: for its getMore, for killCursors,
 * and for any server.
 */
export const RESUME_TRIES = 3;

/** Cursors by which a stream goes on that had been open before. */
const resuming = new WeakSet<object>();
export function resumes(cursor: AbstractCursor): void {
  resuming.add(cursor);
}

type Cursor = ChangeStreamCursorInternals & AbstractCursor & NodeJS.EventEmitter;

ownAllMethods(ChangeStreamCursor, ChangeStreamCursorClass);
// The server has no change streams in transactions: they tell of what was committed.
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
      // A read that closing cut short ends as the driver's does, whatever it met in the worker.
      if (this.isKilled && !(error instanceof MongoClientClosedError)) throw interrupted();
      // What a stream does about a lost connection is right for a lost worker: it resumes.
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

  /** Removes the signal's listener too, which the driver's method leaves when the stream is destroyed. */
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

/** Takes over what a batch says of the stream's position; returns the server's time, where it told. */
function take(cursor: Cursor, { response }: Batch): Timestamp | undefined {
  if (response === undefined) {
    // Only part of the server's batch: its token is that of the batch's end, and comes with it.
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
  // A resume token goes back to the server as it came.
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
