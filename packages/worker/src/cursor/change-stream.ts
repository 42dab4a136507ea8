import {
  BSON,
  ReadPreference,
  type AbstractCursor,
  type Collection,
  type Db,
  type Document,
  type MongoClient,
  type MongoDBNamespace,
  type Timestamp,
} from 'mongodb';

import type { ChangeStreamResponse } from '../protocol';

/** A response of the server's as the driver's cursor shows it in its events. */
interface CursorResponse {
  operationTime: Timestamp | null;
  postBatchResumeToken: Document | null;
  batchSize: number;
}

/** The driver's cursor of a change stream, which it does not export. */
interface ChangeStreamCursor extends AbstractCursor {
  maxWireVersion?: number;
}

const { ChangeStreamCursor: ChangeStreamCursorClass } =
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the package has no ES export of it
  require('mongodb/lib/cursor/change_stream_cursor') as {
    ChangeStreamCursor: new (
      client: MongoClient,
      namespace: MongoDBNamespace,
      pipeline: Document[],
      options: Document,
    ) => ChangeStreamCursor;
  };

/** What the driver keeps on a database or collection. */
interface Watched {
  client: MongoClient;
  s: { namespace: MongoDBNamespace };
}

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
  return cursor;
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
