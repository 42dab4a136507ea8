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
import { failIfChunksAreMissing } from './whole-download';

/**
 * The driver's GridFSBucket, whose chunks are read and written in workers. It cuts files into chunks on the main
 * thread.
 *
 * Its operations and streams take `signal` and `deadlineMS`, which destroy a stream with their error. As with any
 * destroyed upload, the chunks stored so far stay until the stream's `abort()` deletes them.
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

/** Runs an operation of several commands, with one signal and one deadline for all of them. */
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
    // A view of the same bucket whose collections take the signal.
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
    // `abort()` must be able to delete the chunks after the signal has aborted the upload.
    Object.defineProperty(stream.chunks, 'deleteMany', { value: chunks.deleteMany.bind(chunks) });
    stream.files = limitedCollection(stream.files, signal);
  });
  return stream;
}

function limitedDownload(
  stream: driver.GridFSBucketReadStream,
  options: LimitOptions | undefined,
): driver.GridFSBucketReadStream {
  failIfChunksAreMissing(stream);
  limitStream(stream, 'gridfs.openDownloadStream', false, options, (signal) => {
    const s = readStreamInternals(stream);
    s.chunks = limitedCollection(s.chunks, signal);
    s.files = limitedCollection(s.files, signal);
  });
  return stream;
}

/** Applies `signal` and `deadlineMS` to a stream, from its opening until it is closed. */
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
  const destroy = (): void => void stream.destroy(signal.reason as Error);
  signal.addEventListener('abort', destroy, { once: true });
  stream.once('close', () => {
    limits.end();
    signal.removeEventListener('abort', destroy);
  });
}
