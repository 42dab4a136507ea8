import { BSON, type Document } from 'mongodb';

/** Bytes of a message's header. */
export const HEADER = 16;

/** Codes of the wire protocol's operations. */
export const OP_REPLY = 1;
export const OP_COMPRESSED = 2012;
export const OP_MSG = 2013;

/** What a standalone server says of itself. */
export const HELLO: Document = {
  isWritablePrimary: true,
  ismaster: true,
  helloOk: true,
  maxBsonObjectSize: 16 * 1024 * 1024,
  maxMessageSizeBytes: 48_000_000,
  maxWriteBatchSize: 100_000,
  localTime: new Date(0),
  minWireVersion: 0,
  maxWireVersion: 21,
  ok: 1,
};

/** Whole numbers of 32 bits, one after the other. */
export function int32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, at) => bytes.writeInt32LE(value | 0, 4 * at));
  return bytes;
}

/**
 * A message that answers a request.
 *
 * @param length - what its header says; default: its length
 */
export function framed(request: number, operation: number, body: Buffer, length?: number): Buffer {
  return Buffer.concat([int32(length ?? HEADER + body.length, 0, request, operation), body]);
}

/** An answer in today's form. */
export function msg(request: number, body: Document | Uint8Array, flags = 0): Buffer {
  const bytes = body instanceof Uint8Array ? body : BSON.serialize(body);
  return framed(request, OP_MSG, Buffer.concat([int32(flags), Buffer.of(0), bytes]));
}

/** An answer in the old form, which drivers still use for the first `hello`. */
export function reply(
  request: number,
  documents: Uint8Array[],
  returned = documents.length,
): Buffer {
  return framed(request, OP_REPLY, Buffer.concat([int32(0, 0, 0, 0, returned), ...documents]));
}
