import type { BsonWriter } from '@mongo-offload/worker/codec';
import type { BSONSerializeOptions, Document } from 'mongodb';

import { EncodedCall, LARGE } from './encoded-call';
import { BUFFER_BYTES, release, take, writeOptions } from './writers';

/** The positional arguments and the options of a call, before encoding. */
export interface CallParts {
  a?: unknown;
  b?: unknown;
  c?: unknown;
  o?: Document;
}

/**
 * Encodes a call's arguments as one BSON document `{ a, b, c, o }`, in the way the driver would encode the arguments
 * themselves. Omits arguments that are undefined.
 *
 * @throws BSONError, as the driver does, for values that BSON cannot hold
 */
export function encodeCall(parts: CallParts, bson: BSONSerializeOptions): EncodedCall {
  const root = withoutUndefined(parts);
  const writer = take();
  try {
    const { bytes: before, at: start } = writer;
    writer.document(root, writeOptions(bson));
    const { bytes, at } = writer;
    const from = bytes === before ? start : 0;
    return new EncodedCall(bytes, from, at, leaveIfLarge(writer, from));
  } finally {
    release();
  }
}

/** Omits arguments that are undefined. The option `ignoreUndefined` applies only to the fields inside of arguments. */
function withoutUndefined({ a, b, c, o }: CallParts): CallParts {
  if (a !== undefined && b === undefined && c === undefined)
    return o === undefined ? { a } : { a, o };
  const root: CallParts = {};
  if (a !== undefined) root.a = a;
  if (b !== undefined) root.b = b;
  if (c !== undefined) root.c = c;
  if (o !== undefined) root.o = o;
  return root;
}

/**
 * Leaves the writer's buffer to a large call, so that it can be transferred without a copy, and returns true. Does not
 * do so if other calls are in the buffer, or if the call fills less than half of it.
 */
export function leaveIfLarge(writer: BsonWriter, from: number): boolean {
  if (from > 0 || writer.at < Math.max(LARGE, writer.bytes.length) / 2) return false;
  writer.renew(BUFFER_BYTES);
  return true;
}
