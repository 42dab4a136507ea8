import { BsonWriter, type WriteOptions } from '@mongo-offload/worker/codec';
import type { BSONSerializeOptions } from 'mongodb';

/** Size in bytes of a buffer that several calls share, one after the other. */
export const BUFFER_BYTES = 65_536;
/** If fewer bytes are left in the buffer, the next call gets a new one. */
const LEAST_ROOM = 4_096;
/** Largest number of writers to keep. Deeper nesting means that the application calls itself recursively. */
const MOST_KEPT = 4;

/**
 * One writer for each level of nesting. While a document is written, the application's code may run (a getter, a
 * `toBSON`, a Proxy trap) and start another operation. The writer of the next level encodes that one.
 */
const writers: BsonWriter[] = [new BsonWriter(BUFFER_BYTES)];
let depth = 0;

/** Takes the writer of this level. The caller must call {@link release} in the same turn, also after an error. */
export function take(): BsonWriter {
  const writer = (writers[depth] ??= writers[0].another(BUFFER_BYTES));
  if (writer.bytes.length - writer.at < LEAST_ROOM) writer.renew(BUFFER_BYTES);
  // This comes last: if a line above throws, no writer has been taken.
  depth += 1;
  return writer;
}

/** Gives back the writer that was taken last. Drops the writers beyond {@link MOST_KEPT}. */
export function release(): void {
  depth -= 1;
  if (depth >= MOST_KEPT) writers.length = depth;
}

/** Keeps the writer that was taken last beyond this turn; its level gets another one. */
export function keep(): void {
  writers[depth - 1] = writers[depth - 1].another(BUFFER_BYTES);
}

const settings: WriteOptions[] = [];

/** Returns BSON options in the form that a writer takes. Equal options give the same object. */
export function writeOptions({
  ignoreUndefined,
  serializeFunctions,
}: BSONSerializeOptions): WriteOptions {
  const key = (ignoreUndefined === true ? 1 : 0) + (serializeFunctions === true ? 2 : 0);
  return (settings[key] ??= {
    ignoreUndefined: ignoreUndefined === true,
    serializeFunctions: serializeFunctions === true,
  });
}
