import type { BulkWriteResult, MongoBulkWriteError, WriteError } from 'mongodb';

/**
 * Returns the write errors of a bulk write, each once. The driver puts them on the error and in its result, or only
 * into the result if the same reply had a write concern error.
 */
export function writeErrorsIn(error: MongoBulkWriteError): Set<WriteError> {
  const { writeErrors, result } = error as {
    writeErrors: WriteError | WriteError[];
    result: BulkWriteResult;
  };
  const own = Array.isArray(writeErrors) ? writeErrors : [writeErrors];
  return new Set([...own, ...result.getWriteErrors()]);
}
