import type { Readable, Writable } from 'node:stream';

import * as driver from 'mongodb';
import type {
  Filter,
  FindOptions,
  GridFSBucketReadStreamOptions,
  GridFSBucketReadStreamOptionsWithRevision,
  GridFSBucketWriteStreamOptions,
  GridFSFile,
  ObjectId,
} from 'mongodb';

import { Limits, withinLimits, type LimitOptions } from '../abort';
import { stateOf } from '../client';
import type { FindCursor } from '../cursor';
import { bucketInternals, readStreamInternals, ownAllMethods } from '../driver';
import { checkOwnOptions } from '../options';
import { limitedCollection } from './limited-collection';
import { failWhereCutShort } from './whole-download';

/**
 * The driver's GridFSBucket. It cuts files into chunks on the main thread; a bucket of one of our databases
 * reads and writes them through our collections, in workers. Its operations and streams take `signal` and
 * `deadlineMS`: a stream that they end is destroyed with the error. As when an application destroys one, the
 * chunks that an upload has stored stay; `abort()` of the stream deletes them.
 */
export class GridFSBucket extends driver.GridFSBucket {
  override openUploadStream(
    filename: string,
    options?: GridFSBucketWriteStreamOptions & LimitOptions,
  ): driver.GridFSBucketWriteStream {
    checkOwnOptions(options);
    return limitedUpload(super.openUploadStream(filename, options), options);
  }

  override openUploadStreamWithId(
    id: ObjectId,
    filename: string,
    options?: GridFSBucketWriteStreamOptions & LimitOptions,
  ): driver.GridFSBucketWriteStream {
    checkOwnOptions(options);
    return limitedUpload(super.openUploadStreamWithId(id, filename, options), options);
  }

  override openDownloadStream(
    id: ObjectId,
    options?: GridFSBucketReadStreamOptions & LimitOptions,
  ): driver.GridFSBucketReadStream {
    checkOwnOptions(options);
    return limitedDownload(super.openDownloadStream(id, options), options);
  }

  override openDownloadStreamByName(
    filename: string,
    options?: GridFSBucketReadStreamOptionsWithRevision & LimitOptions,
  ): driver.GridFSBucketReadStream {
    checkOwnOptions(options);
    return limitedDownload(super.openDownloadStreamByName(filename, options), options);
  }

  override find(filter?: Filter<GridFSFile>, options?: FindOptions): FindCursor<GridFSFile> {
    return super.find(filter, options) as FindCursor<GridFSFile>;
  }

  override async rename(
    id: ObjectId,
    filename: string,
    options?: { timeoutMS?: number } & LimitOptions,
  ): Promise<void> {
    await super.rename(id, filename, options);
  }

  override async delete(
    id: ObjectId,
    options?: { timeoutMS?: number } & LimitOptions,
  ): Promise<void> {
    await withinBucket(this, 'gridfs.delete', options, (bucket) =>
      super.delete.call(bucket, id, options),
    );
  }

  override async drop(options?: { timeoutMS?: number } & LimitOptions): Promise<void> {
    await withinBucket(this, 'gridfs.drop', options, (bucket) => super.drop.call(bucket, options));
  }
}

ownAllMethods(GridFSBucket, driver.GridFSBucket);

/** Runs an operation that takes several commands within one limit for all of them. */
async function withinBucket(
  bucket: GridFSBucket,
  what: string,
  options: LimitOptions | undefined,
  work: (bucket: GridFSBucket) => Promise<void>,
): Promise<void> {
  checkOwnOptions(options);
  const { db } = bucketInternals(bucket).s;
  const defaults = stateOf(db.client)?.link.offload ?? {};
  await withinLimits(options, { what, write: true, defaults }, async (signal) => {
    if (signal === undefined) return await work(bucket);
    // The same bucket, except that the signal aborts operations on its collections.
    const { s } = bucketInternals(bucket);
    const limited = Object.create(bucket, {
      s: {
        value: {
          ...s,
          _chunksCollection: limitedCollection(s._chunksCollection, signal),
          _filesCollection: limitedCollection(s._filesCollection, signal),
        },
      },
    }) as GridFSBucket;
    await work(limited);
  });
}

function limitedUpload(
  stream: driver.GridFSBucketWriteStream,
  options: LimitOptions | undefined,
): driver.GridFSBucketWriteStream {
  limitStream(stream, 'gridfs.openUploadStream', true, options, (signal) => {
    const { chunks } = stream;
    stream.chunks = limitedCollection(chunks, signal);
    // The signal does not limit what `abort()` does for a stream that was aborted.
    Object.defineProperty(stream.chunks, 'deleteMany', { value: chunks.deleteMany.bind(chunks) });
    stream.files = limitedCollection(stream.files, signal);
  });
  return stream;
}

function limitedDownload(
  stream: driver.GridFSBucketReadStream,
  options: LimitOptions | undefined,
): driver.GridFSBucketReadStream {
  failWhereCutShort(stream);
  limitStream(stream, 'gridfs.openDownloadStream', false, options, (signal) => {
    const s = readStreamInternals(stream);
    s.chunks = limitedCollection(s.chunks, signal);
    s.files = limitedCollection(s.files, signal);
  });
  return stream;
}

/** A stream has the limits that it is given, from its opening until it is closed. */
function limitStream(
  stream: Readable | Writable,
  what: string,
  write: boolean,
  options: LimitOptions | undefined,
  limit: (signal: AbortSignal) => void,
): void {
  let limits: Limits;
  try {
    limits = new Limits(options, { what, write, defaults: {} });
  } catch (reason) {
    limit(options?.signal as AbortSignal);
    stream.destroy(reason as Error);
    return;
  }
  const { signal } = limits;
  if (signal === undefined) return;
  limit(signal);
  const giveUp = (): void => void stream.destroy(signal.reason as Error);
  signal.addEventListener('abort', giveUp, { once: true });
  stream.once('close', () => {
    limits.end();
    signal.removeEventListener('abort', giveUp);
  });
}
