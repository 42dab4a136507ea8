import { BsonWriter, type WriteOptions } from '@mongo-offload/worker/codec';
import type { BSONSerializeOptions } from 'mongodb';

/** Bytes of a buffer that several calls are written into, one after the other. */
export const BUFFER_BYTES = 65_536;
/** With less room left, the next call gets a new buffer. */
const LEAST_ROOM = 4_096;
/** Writers that are kept. Deeper nesting is an application that calls itself; its writers are dropped. */
const MOST_KEPT = 4;

/**
 * A writer for each level of nesting. While a document is being written, the application's code may run (a getter, a
 * `toBSON`, a Proxy trap) and start another operation: its arguments are written by the writer of the next level.
 */
const writers: BsonWriter[] = [new BsonWriter(BUFFER_BYTES)];
let depth = 0;

/** Takes the writer of this level. Whoever takes it calls {@link release} in the same turn, whatever happens. */
export function take(): BsonWriter {
  const writer = (writers[depth] ??= writers[0].another(BUFFER_BYTES));
  if (writer.bytes.length - writer.at < LEAST_ROOM) writer.renew(BUFFER_BYTES);
  // Last: nobody releases a writer when one of the lines above throws.
  depth += 1;
  return writer;
}

/** Gives back the writer that was taken last. */
export function release(): void {
  depth -= 1;
  if (depth >= MOST_KEPT) writers.length = depth;
}

/** Keeps the writer that was taken last for longer than a turn: its level gets another one. */
export function keep(): void {
  writers[depth - 1] = writers[depth - 1].another(BUFFER_BYTES);
}

const settings: WriteOptions[] = [];

/** BSON options as a writer takes them. */
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
