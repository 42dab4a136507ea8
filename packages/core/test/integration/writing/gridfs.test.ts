import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

import * as ours from '@mongo-offload/core';
import * as native from 'mongodb';

import { openClients, type Clients } from '../../support/clients';
import { failCommand } from '../../support/fail-point';
import { until } from '../../support/until';

const KIB = 1024;
const appName = `gridfs-${randomUUID().slice(0, 8)}`;
const data = randomBytes(1_000 * KIB + 7);
let clients: Clients;

beforeAll(() => {
  clients = openClients({ appName });
});
afterAll(async () => await clients.close());

test('the bucket is the driver’s class, over a database of ours', () => {
  expect(ours.GridFSBucket.prototype).toBeInstanceOf(native.GridFSBucket);
  const bucket = new ours.GridFSBucket(clients.ours.db);
  expect(bucket.find()).toBeInstanceOf(ours.FindCursor);
});

describe.each(['ours', 'native'] as const)('a bucket (%s)', (side) => {
  let db: native.Db;
  let bucket: native.GridFSBucket;
  let bucketName: string;

  beforeEach(() => {
    ({ db } = clients[side]);
    bucketName = `${side}${randomUUID().slice(0, 8)}`;
    bucket = new native.GridFSBucket(db, { bucketName });
  });

  const chunks = (): native.Collection => db.collection(`${bucketName}.chunks`);
  const files = (): native.Collection => db.collection(`${bucketName}.files`);

  async function upload(
    name: string,
    content: Uint8Array = data,
    options?: native.GridFSBucketWriteStreamOptions,
  ): Promise<native.ObjectId> {
    const stream = bucket.openUploadStream(name, options);
    await pipeline(Readable.from([content]), stream);
    return stream.id;
  }

  test('gives back what it was given, whatever the sizes of chunks and writes', async () => {
    const contents = [0, 1, 255 * KIB - 1, 255 * KIB, 255 * KIB + 1, data.length];
    for (const length of contents) {
      const content = data.subarray(0, length);
      const id = await upload('sizes', content);
      expect((await buffer(bucket.openDownloadStream(id))).equals(content)).toBe(true);
    }
    const small = bucket.openUploadStream('small', { chunkSizeBytes: 1_000 });
    for (let at = 0; at < 20_000; at += 777) small.write(data.subarray(at, at + 777));
    small.end();
    await once(small, 'finish');
    expect(small.gridFSFile).toMatchObject({ chunkSize: 1_000, filename: 'small' });
    const read = await buffer(bucket.openDownloadStreamByName('small'));
    expect(read.equals(data.subarray(0, read.length))).toBe(true);
    expect(await chunks().countDocuments({ files_id: small.id })).toBe(
      Math.ceil(read.length / 1_000),
    );
  });

  test('writes strings and pipes as any Node stream', async () => {
    const stream = bucket.openUploadStream('text');
    stream.write('größer ');
    stream.end(Buffer.from('als').toString('hex'), 'hex');
    await once(stream, 'close');
    expect((await buffer(bucket.openDownloadStreamByName('text'))).toString()).toBe('größer als');

    const id = new native.ObjectId();
    await pipeline(
      bucket.openDownloadStreamByName('text'),
      bucket.openUploadStreamWithId(id, 'copy', { metadata: { from: 'text', n: 1 } }),
    );
    const [file] = await bucket.find({ _id: id }).toArray();
    expect(file).toMatchObject({
      filename: 'copy',
      metadata: { from: 'text', n: 1 },
      length: Buffer.byteLength('größer als'),
      chunkSize: 255 * KIB,
      uploadDate: expect.any(Date) as unknown,
    });
  });

  test('makes its indexes at the first upload, and says so', async () => {
    const indexed = once(bucket, 'index');
    await upload('first', data.subarray(0, 10));
    await indexed;
    const keys = async (collection: native.Collection): Promise<unknown[]> =>
      (await collection.listIndexes().toArray()).map(({ key }) => key as unknown);
    expect(await keys(files())).toStrictEqual([{ _id: 1 }, { filename: 1, uploadDate: 1 }]);
    expect(await keys(chunks())).toStrictEqual([{ _id: 1 }, { files_id: 1, n: 1 }]);
  });

  test('reads ranges', async () => {
    const id = await upload('ranges', data, { chunkSizeBytes: 100 * KIB });
    const ranges = [
      [0, 1],
      [0, 100 * KIB],
      [100 * KIB, 200 * KIB],
      [99 * KIB, 301 * KIB],
      [5, data.length],
      [data.length - 1, data.length],
    ] as const;
    for (const [start, end] of ranges) {
      const read = await buffer(bucket.openDownloadStream(id, { start, end }));
      expect(read.equals(data.subarray(start, end))).toBe(true);
      const set = await buffer(bucket.openDownloadStream(id).start(start).end(end));
      expect(set.equals(read)).toBe(true);
    }
    await expect(buffer(bucket.openDownloadStream(id, { start: data.length + 1 }))).rejects.toThrow(
      native.MongoInvalidArgumentError,
    );
    await expect(buffer(bucket.openDownloadStream(id, { start: 5, end: 3 }))).rejects.toThrow(
      'must not be greater than stream end',
    );
    const begun = bucket.openDownloadStream(id);
    begun.resume();
    await once(begun, 'file');
    expect(() => begun.start(1)).toThrow(native.MongoGridFSStreamError);
    await once(begun, 'end');
  });

  test('keeps revisions of a name', async () => {
    for (const content of ['a', 'b', 'c']) {
      await upload('revised', Buffer.from(content));
      // Revisions are told apart by the date, which has milliseconds.
      const [{ uploadDate }] = await bucket.find().sort({ uploadDate: -1 }).limit(1).toArray();
      await until(() => Date.now() > uploadDate.getTime());
    }
    const read: string[] = [];
    for (const revision of [0, 1, 2, -1, -2, -3]) {
      const stream = bucket.openDownloadStreamByName('revised', { revision });
      read.push((await buffer(stream)).toString());
    }
    expect(read).toStrictEqual(['a', 'b', 'c', 'c', 'b', 'a']);
    await expect(
      buffer(bucket.openDownloadStreamByName('revised', { revision: 3 })),
    ).rejects.toMatchObject({ name: 'MongoRuntimeError', code: 'ENOENT' });
  });

  test('finds, renames, deletes and drops', async () => {
    const id = await upload('before', data.subarray(0, 300));
    await upload('other', data.subarray(0, 300));
    await bucket.rename(id, 'after');
    const names = await bucket.find({}, { sort: { filename: 1 } }).toArray();
    expect(names.map(({ filename }) => filename)).toStrictEqual(['after', 'other']);
    await bucket.delete(id);
    expect(await chunks().countDocuments({ files_id: id })).toBe(0);
    await expect(bucket.delete(id)).rejects.toThrow(
      new native.MongoRuntimeError(`File not found for id ${id.toHexString()}`),
    );
    await expect(bucket.rename(id, 'x')).rejects.toThrow(
      new native.MongoRuntimeError(`File with id ${id.toHexString()} not found`),
    );
    await bucket.drop();
    expect(await db.listCollections({ name: { $regex: `^${bucketName}` } }).toArray()).toEqual([]);
  });

  test('says that a file is not there, or not whole', async () => {
    const id = new native.ObjectId();
    await expect(buffer(bucket.openDownloadStream(id))).rejects.toMatchObject({
      name: 'MongoRuntimeError',
      code: 'ENOENT',
      message: `FileNotFound: file ${id.toHexString()} was not found`,
    });
    const damage: [string, (files_id: native.ObjectId) => Promise<unknown>][] = [
      ['ChunkIsMissing', async (files_id) => await chunks().deleteOne({ files_id, n: 1 })],
      [
        'ChunkIsWrongSize',
        async (files_id) =>
          await chunks().updateOne({ files_id, n: 1 }, { $set: { data: new native.Binary() } }),
      ],
    ];
    for (const [message, cause] of damage) {
      const damaged = await upload('damaged');
      await cause(damaged);
      const read = buffer(bucket.openDownloadStream(damaged));
      await expect(read).rejects.toThrow(native.MongoGridFSChunkError);
      await expect(read).rejects.toThrow(message);
    }
  });

  test('an aborted upload leaves no chunks', async () => {
    const stream = bucket.openUploadStream('aborted', { chunkSizeBytes: 10 * KIB });
    await new Promise<void>((resolve, reject) =>
      stream.write(data, (error) => (error ? reject(error) : resolve())),
    );
    expect(await chunks().countDocuments()).toBe(Math.floor(data.length / (10 * KIB)));
    await stream.abort();
    expect(await chunks().countDocuments()).toBe(0);
    await expect(stream.abort()).rejects.toThrow('Cannot call abort() on a stream twice');
    const failed = once(stream, 'error');
    stream.write('more');
    expect(await failed).toMatchObject([
      { name: 'MongoAPIError', message: 'Stream has been aborted' },
    ]);

    const done = bucket.openUploadStream('done');
    done.end('done');
    await once(done, 'finish');
    await expect(done.abort()).rejects.toThrow('Cannot abort a stream that has already completed');
  });

  test('an aborted download ends, and its cursor with it', async () => {
    const id = await upload('long', data, { chunkSizeBytes: KIB });
    const stream = bucket.openDownloadStream(id);
    const [first] = (await once(stream, 'data')) as [Buffer];
    expect(first.equals(data.subarray(0, KIB))).toBe(true);
    await stream.abort();
    expect(stream.destroyed).toBe(true);
    await until(async () => {
      const open = await clients.native.client
        .db('admin')
        .aggregate([
          { $currentOp: { idleCursors: true, allUsers: true } },
          { $match: { type: 'idleCursor', ns: chunks().namespace } },
        ])
        .toArray();
      return open.length === 0;
    });
  });

  test('a reader that stops is not sent the rest, a writer that is too fast is told', async () => {
    const stream = bucket.openUploadStream('paced');
    let writable = true;
    for (let at = 0; writable; at += 16 * KIB) {
      writable = stream.write(data.subarray(at, at + 16 * KIB));
      if (at > data.length) throw new Error('the stream takes everything at once');
    }
    await once(stream, 'drain');
    stream.end(data);
    await once(stream, 'finish');

    const reader = bucket.openDownloadStreamByName('paced');
    await once(reader, 'readable');
    for (let i = 0; i < 5; i++) await files().findOne();
    expect(reader.readableLength).toBeLessThanOrEqual(reader.readableHighWaterMark + 255 * KIB);
    expect((await buffer(reader)).length).toBe(stream.length);
  });

  test('a server’s error ends the stream', async () => {
    await upload('first');
    const off = await failCommand(clients.native.client, appName, 'alwaysOn', {
      failCommands: ['insert'],
      errorCode: 26,
    });
    try {
      await expect(upload('second')).rejects.toMatchObject({ name: 'MongoServerError', code: 26 });
    } finally {
      await off();
    }
  });

  test('takes concerns, a preference for reading and a time limit', async () => {
    bucket = new native.GridFSBucket(db, {
      bucketName,
      chunkSizeBytes: 2_000,
      writeConcern: { w: 'majority', j: true },
      readPreference: 'primaryPreferred' as unknown as native.ReadPreference,
      timeoutMS: 60_000,
    });
    const id = await upload('optional', data.subarray(0, 10_000));
    expect(await chunks().countDocuments({ files_id: id })).toBe(5);
    const read = await buffer(bucket.openDownloadStream(id));
    expect(hash(read)).toBe(hash(data.subarray(0, 10_000)));
  });
});

function hash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

test('a chunk reaches the program in the memory in which it came', async () => {
  const bucket = new ours.GridFSBucket(clients.ours.db, { bucketName: 'memory' });
  const upload = bucket.openUploadStream('file');
  await pipeline(Readable.from([data]), upload);
  const pieces: Buffer[] = [];
  for await (const piece of bucket.openDownloadStream(upload.id)) pieces.push(piece as Buffer);
  // Views of the batches that the worker handed over: none is a copy with memory of its own.
  for (const piece of pieces) expect(piece.buffer.byteLength).toBeGreaterThan(piece.length);
  expect(Buffer.concat(pieces).equals(data)).toBe(true);
});
