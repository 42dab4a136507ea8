import type { BsonWriter } from '@mongo-offload/worker/codec';
import type { BSONSerializeOptions, Document } from 'mongodb';

import { EncodedCall, LARGE } from './encoded-call';
import { BUFFER_BYTES, release, take, writeOptions } from './writers';

/** Positional arguments and options of a call, on their way into BSON. */
export interface CallParts {
  a?: unknown;
  b?: unknown;
  c?: unknown;
  o?: Document;
}

/**
 * A call's arguments: one BSON document `{ a, b, c, o }`, encoded as the driver would encode the
 * arguments themselves. An argument that is undefined is absent.
 *
 * @throws BSONError, as the driver does, for what BSON cannot hold
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

/** An argument that is undefined is absent, whatever `ignoreUndefined` says of its inside. */
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

/** A large call gets the buffer for itself, so that it can be handed over as it is; not one that hardly uses it. */
export function leaveIfLarge(writer: BsonWriter, from: number): boolean {
  if (from > 0 || writer.at < Math.max(LARGE, writer.bytes.length) / 2) return false;
  writer.renew(BUFFER_BYTES);
  return true;
}
