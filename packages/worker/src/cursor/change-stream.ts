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

const LOOK_AGAIN_MS = 25;

const responses = new WeakMap<AbstractCursor, ChangeStreamResponse>();

/**
 * Makes the driver's cursor of a change stream. It does not resume by itself: the change stream on
 * the main thread does, with a new cursor.
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
  const note = (response: ChangeStreamReply): void => {
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
  cursor.on('init', note);
  cursor.on('more', note);
  cursor.getMore = async () => {
    await untilReachable(cursor);
    return await ChangeStreamCursorClass.prototype.getMore.call(cursor);
  };
  return cursor;
}

/**
 * Waits a moment for a cursor's server where it is lost, as the error of one that is lost meanwhile waits (see ending.ts).
 * The driver waits for `serverSelectionTimeoutMS`, and its stream does not resume from another server before.
 */
async function untilReachable(cursor: ChangeStreamCursor): Promise<void> {
  const server = (): ServerDescription | undefined => cursorInternals(cursor).server?.description;
  const isLost = (): boolean => server()?.type === 'Unknown';
  if (!isLost()) return;
  const end = performance.now() + LOST_SERVER_MS;
  while (isLost() && !cursor.closed && performance.now() < end) await delay(LOOK_AGAIN_MS);
  if (isLost() || cursor.closed) {
    throw new MongoNetworkError(`the connection to ${server()?.address} is lost`);
  }
}

/** What a change stream's last response was beside its documents. */
export function responseOf(cursor: AbstractCursor): ChangeStreamResponse | undefined {
  return responses.get(cursor);
}

/** The position that a stream is to start from, where its `$changeStream` stage names one. */
export function startsNow(pipeline: Document[] | undefined): boolean {
  const stage = (pipeline?.[0]?.$changeStream ?? {}) as Document;
  return (
    stage.resumeAfter == null && stage.startAfter == null && stage.startAtOperationTime == null
  );
}
