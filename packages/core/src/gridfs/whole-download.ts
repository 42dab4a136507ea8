import { MongoGridFSChunkError, type GridFSBucketReadStream } from 'mongodb';

import { readStreamInternals } from '../driver';

/**
 * Makes a download fail if the last chunks of its file are missing. The driver fails for any other missing chunk, but
 * ends as if the file were complete for these. Chunks may be deleted, or their collection dropped, during the download.
 */
export function failIfChunksAreMissing(stream: GridFSBucketReadStream): void {
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
