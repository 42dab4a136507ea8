import { MongoGridFSChunkError, type GridFSBucketReadStream } from 'mongodb';

import { readStreamInternals } from '../driver/internals';

/**
 * Lets a download fail where its file's last chunks are missing, as it fails where any other is. The driver's ends there, as if the
 * file were whole: chunks may be deleted, or their collection dropped, while it reads.
 */
export function failWhereCutShort(stream: GridFSBucketReadStream): void {
  const push = stream.push.bind(stream);
  const abort = stream.abort.bind(stream);
  let isAborted = false;
  stream.abort = () => {
    isAborted = true;
    return abort();
  };
  stream.push = (bytes: unknown, encoding?: BufferEncoding): boolean => {
    const { file, expected, options } = readStreamInternals(stream);
    if (bytes === null && file !== undefined && !isAborted) {
      const chunks = Math.ceil((options.end || file.length) / file.chunkSize);
      if (expected < chunks) {
        const message = `ChunkIsMissing: Got ${expected} chunks, expected: ${chunks}`;
        stream.destroy(new MongoGridFSChunkError(message));
        return false;
      }
    }
    return push(bytes, encoding);
  };
}
