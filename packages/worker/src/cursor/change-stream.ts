import { setTimeout as delay } from 'node:timers/promises';

import {
  BSON,
  MongoNetworkError,
  ReadPreference,
  type AbstractCursor,
  type Collection,
  type Db,
  type Document,
  type ServerDescription,
} from 'mongodb';

import {
  ChangeStreamCursorClass,
  cursorInternals,
  LOST_SERVER_MS,
  watched,
  type ChangeStreamCursor,
  type ChangeStreamReply,
} from '../driver';
import type { ChangeStreamResponse } from '../protocol';

const RECHECK_MS = 25;

const responses = new WeakMap<AbstractCursor, ChangeStreamResponse>();

/**
 * Returns the driver's cursor of a change stream. It does not resume by itself: the change stream on the main thread
 * resumes with a new cursor.
 *
 * @param pipeline - with its `$changeStream` stage
 */
export function changeStreamCursor(
  on: Db | Collection,
  pipeline: Document[],
  options: Document,
): AbstractCursor {
  const { client, namespace } = watched(on);
  const readPreference = ReadPreference.fromOptions(options);
  const cursor = new ChangeStreamCursorClass(client, namespace, pipeline, {
    ...options,
    readPreference,
  });
  const keepResponse = (response: ChangeStreamReply): void => {
    const { operationTime, postBatchResumeToken, batchSize } = response;
    const fields: Document = {};
    if (operationTime !== null) fields.operationTime = operationTime;
    if (postBatchResumeToken !== null) fields.postBatchResumeToken = postBatchResumeToken;
    const { maxWireVersion } = cursor;
    responses.set(cursor, {
      bytes: new Uint8Array(BSON.serialize(fields)),
      batchSize,
      maxWireVersion,
    });
  };
  cursor.on('init', keepResponse);
  cursor.on('more', keepResponse);
  cursor.getMore = async () => {
    await untilReachable(cursor);
    return await ChangeStreamCursorClass.prototype.getMore.call(cursor);
  };
  return cursor;
}

/**
 * Waits up to `LOST_SERVER_MS` for a cursor's server if it is lost. The driver would wait for
 * `serverSelectionTimeoutMS`, and its stream would not resume from another server before.
 *
 * @throws MongoNetworkError if the server is still lost
 */
async function untilReachable(cursor: ChangeStreamCursor): Promise<void> {
  const server = (): ServerDescription | undefined => cursorInternals(cursor).server?.description;
  const isLost = (): boolean => server()?.type === 'Unknown';
  if (!isLost()) return;
  const end = performance.now() + LOST_SERVER_MS;
  while (isLost() && !cursor.closed && performance.now() < end) await delay(RECHECK_MS);
  if (isLost() || cursor.closed) {
    throw new MongoNetworkError(`the connection to ${server()?.address} is lost`);
  }
}

/** Returns the last response of a change stream's cursor, without its documents. */
export function responseOf(cursor: AbstractCursor): ChangeStreamResponse | undefined {
  return responses.get(cursor);
}

/** Returns whether a stream starts at the present: its `$changeStream` stage names no position. */
export function startsNow(pipeline: Document[] | undefined): boolean {
  const stage = (pipeline?.[0]?.$changeStream ?? {}) as Document;
  return (
    stage.resumeAfter == null && stage.startAfter == null && stage.startAtOperationTime == null
  );
}
