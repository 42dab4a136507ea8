import { Skip } from '../../outcome.mjs';
import { hexOf } from '../match.mjs';

/** Operations on a GridFS bucket. */
export const bucketOperations = {
  delete: (bucket, { id }) => bucket.delete(id),
  rename: (bucket, { id, newFilename }) => bucket.rename(id, newFilename),
  drop: (bucket) => bucket.drop(),
  find: (bucket, { filter, ...options }) => bucket.find(filter, options).toArray(),

  download: (bucket, { id, ...options }) => read(bucket.openDownloadStream(id, options)),
  downloadByName: (bucket, { filename, ...options }) =>
    read(bucket.openDownloadStreamByName(filename, options)),

  upload: (bucket, { filename, source, ...options }) =>
    write(bucket.openUploadStream(filename, options), source),
  uploadWithId: (bucket, { id, filename, source, ...options }) =>
    write(bucket.openUploadStreamWithId(id, filename, options), source),

  deleteByName() {
    throw new Skip('the driver has no GridFSBucket.deleteByName');
  },
  renameByName() {
    throw new Skip('the driver has no GridFSBucket.renameByName');
  },
};

async function read(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function write(stream, source) {
  return new Promise((resolve, reject) => {
    stream.once('error', reject);
    stream.once('finish', () => resolve(stream.id));
    stream.end(Buffer.from(hexOf(source.$$hexBytes), 'hex'));
  });
}
