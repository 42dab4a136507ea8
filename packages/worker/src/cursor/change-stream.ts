import { setTimeout as delay } from 'node:timers/promises';

import {
  BSON,
  MongoNetworkError,
  ReadPreference,
  type AbstractCursor,
  type Collection,
  type Db,
  type Document,
  type MongoClient,
  type MongoDBNamespace,
  type ServerDescription,
  type Timestamp,
} from 'mongodb';

import type { ChangeStreamResponse } from '../protocol';
import { LOST_SERVER_MS } from './cursor-cleanup';

/** A response of the server's as the driver's cursor shows it in its events. */
interface CursorResponse {
  operationTime: Timestamp | null;
  postBatchResumeToken: Document | null;
  batchSize: number;
}

/** The driver's cursor of a change stream, which it does not export. */
interface ChangeStreamCursor extends AbstractCursor {
  maxWireVersion?: number;
  /** The one that it is read from, once it is open. */
  readonly server?: { readonly description: ServerDescription };
  getMore(): Promise<unknown>;
}

const { ChangeStreamCursor: ChangeStreamCursorClass } =
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the package has no ES export of it
  require('mongodb/lib/cursor/change_stream_cursor') as {
    ChangeStreamCursor: {
      new (
        client: MongoClient,
        namespace: MongoDBNamespace,
        pipeline: Document[],
        options: Document,
      ): ChangeStreamCursor;
      prototype: ChangeStreamCursor;
    };
  };

/** What the driver keeps on a database or collection. */
interface Watched {
  client: MongoClient;
  s: { namespace: MongoDBNamespace };
}

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
  const { client, s } = on as unknown as Watched;
  const readPreference = ReadPreference.fromOptions(options);
  const cursor = new ChangeStreamCursorClass(client, s.namespace, pipeline, {
    ...options,
    readPreference,
  });
  const note = (response: CursorResponse): void => {
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
  const isLost = (): boolean => cursor.server?.description.type === 'Unknown';
  if (!isLost()) return;
  const end = performance.now() + LOST_SERVER_MS;
  while (isLost() && !cursor.closed && performance.now() < end) await delay(LOOK_AGAIN_MS);
  if (isLost() || cursor.closed) {
    throw new MongoNetworkError(`the connection to ${cursor.server?.description.address} is lost`);
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
