import { randomBytes } from 'node:crypto';
import { finished } from 'node:stream/promises';

export function gridFSUpload({ db, module, gridFSBytes }) {
  const bytes = randomBytes(gridFSBytes);
  return {
    unit: 'megabyte',
    count: gridFSBytes / 1e6,
    prepare: () => emptyBucket(db, module),
    async work(bucket) {
      await upload(bucket, 'gridfstest', bytes);
      return {};
    },
  };
}

export async function gridFSDownload({ db, module, gridFSBytes }) {
  const bucket = await emptyBucket(db, module);
  await upload(bucket, 'gridfstest', randomBytes(gridFSBytes));
  return {
    unit: 'megabyte',
    count: gridFSBytes / 1e6,
    async work() {
      let read = 0;
      for await (const chunk of bucket.openDownloadStreamByName('gridfstest')) read += chunk.length;
      return { read };
    },
  };
}

/** Makes the default bucket with its collections and indexes, and one file of one byte. */
export async function emptyBucket(db, { GridFSBucket }) {
  for (const name of ['fs.files', 'fs.chunks']) await db.collection(name).drop();
  const bucket = new GridFSBucket(db);
  await upload(bucket, 'first', Buffer.alloc(1));
  return bucket;
}

async function upload(bucket, name, bytes) {
  const stream = bucket.openUploadStream(name);
  stream.end(bytes);
  await finished(stream);
}
