import { Transform } from 'node:stream';
import { inflate, type ZlibOptions } from 'node:zlib';

import { MongoParseError } from 'mongodb';

import { int32 } from '../codec';
import { crc32c } from './crc32c';

/*
 * The driver (7.9) reads a server's messages without checking most lengths. A broken or hostile server could fill the
 * memory and end the thread, which also serves other clients. Examples are a length of 0, an unknown operation code, a
 * section of negative size, or a compressed message that is far larger than it states. This file checks each message
 * before the driver sees it. An invalid message closes its connection, and the operations on that connection reject
 * with a MongoParseError.
 */

/**
 * The parts of the driver's `SizedMessageTransform` that this file uses. It cuts a connection's bytes into messages.
 */
interface MessageStream extends Transform {
  bufferPool: { getInt32: () => number | null };
  _transform: Cut;
}
type Cut = (
  this: MessageStream,
  chunk: Uint8Array,
  encoding: BufferEncoding,
  callback: (error?: Error | null) => void,
) => void;
type Decompress = (message: Uint8Array) => Promise<unknown>;

const HEADER = 16;
/** In a compressed message: the wrapped operation's code, its size, and the compressor's number. */
const COMPRESSED_HEADER = HEADER + 9;
const OP_REPLY = 1;
const OP_COMPRESSED = 2012;
const OP_MSG = 2013;
/** The largest message of the protocol. */
const LARGEST = 48_000_000;
const SMALLEST_DOCUMENT = 5;
const CHECKSUM = 4;

const Flag = { checksum: 1, required: 0xffff, known: 3 } as const;
const Compressor = { none: 0, snappy: 1, zlib: 2, zstd: 3 } as const;
const Section = { body: 0, sequence: 1 } as const;

const guarded = Symbol.for('mongo-offload.sound-replies');
const refused = new WeakSet<Error>();

/** Makes this thread's copy of the driver reject invalid messages. A driver without these parts is left as it is. */
export function refuseUnsoundReplies(): void {
  /* eslint-disable @typescript-eslint/no-require-imports -- the package has no ES exports of these */
  const connection = require('mongodb/lib/cmap/connection') as {
    SizedMessageTransform?: { prototype: MessageStream & { [guarded]?: true } };
  };
  const compression = require('mongodb/lib/cmap/wire_protocol/compression') as {
    decompressResponse?: Decompress;
  };
  /* eslint-enable @typescript-eslint/no-require-imports */
  const stream = connection.SizedMessageTransform?.prototype;
  if (stream?._transform === undefined || stream[guarded] === true) return;
  stream[guarded] = true;
  stream._transform = checkingSizes(stream._transform);
  stream.push = function (message: Uint8Array | null): boolean {
    return Transform.prototype.push.call(this, message === null ? null : checkedMessage(message));
  };
  if (compression.decompressResponse !== undefined) {
    compression.decompressResponse = decompressing(compression.decompressResponse);
  }
}

function checkingSizes(cut: Cut): Cut {
  const checked = new WeakSet<MessageStream>();
  return function (chunk, encoding, callback) {
    if (!checked.has(this)) {
      checked.add(this);
      const { bufferPool } = this;
      const { getInt32 } = bufferPool;
      bufferPool.getInt32 = () => {
        const size = getInt32.call(bufferPool);
        if (size !== null && (size < HEADER || size > LARGEST)) {
          throw invalid(`its header states a length of ${size} bytes`);
        }
        return size;
      };
    }
    try {
      cut.call(this, chunk, encoding, callback);
    } catch (error) {
      if (!refused.has(error as Error)) throw error;
      callback(error as Error);
    }
  };
}

/** Returns the message as the driver may read it, without its checksum. @throws MongoParseError if it is invalid */
function checkedMessage(message: Uint8Array): Uint8Array {
  const code = int32(message, 12);
  switch (code) {
    case OP_MSG:
      return checkedMsg(message);
    case OP_REPLY:
      checkReply(message);
      return message;
    case OP_COMPRESSED:
      checkCompressed(message);
      return message;
    default:
      throw invalid(`its operation code is ${code}`);
  }
}

function checkedMsg(message: Uint8Array): Uint8Array {
  const flags = message.length >= HEADER + 4 ? int32(message, HEADER) : -1;
  if ((flags & Flag.required & ~Flag.known) !== 0) throw invalid('it has unknown required flags');
  const end = message.length - (flags & Flag.checksum ? CHECKSUM : 0);
  let at = HEADER + 4;
  let bodies = 0;
  while (at < end) {
    const kind = message[at++];
    if (kind !== Section.body && kind !== Section.sequence)
      throw invalid(`it has a section of the unknown kind ${kind}`);
    const size = end - at >= 4 ? int32(message, at) : -1;
    if (size < SMALLEST_DOCUMENT || size > end - at)
      throw invalid(`it has a section with the invalid length ${size}`);
    if (kind === Section.body) bodies++;
    at += size;
  }
  if (bodies !== 1) throw invalid(`it has ${bodies} body sections instead of one`);
  return flags & Flag.checksum ? withoutChecksum(message, flags) : message;
}

function withoutChecksum(message: Uint8Array, flags: number): Uint8Array {
  const end = message.length - CHECKSUM;
  if (crc32c(message.subarray(0, end)) !== int32(message, end))
    throw invalid('its checksum is wrong');
  const rest = Buffer.from(message.subarray(0, end));
  rest.writeInt32LE(end, 0);
  rest.writeInt32LE(flags & ~Flag.checksum, HEADER);
  return rest;
}

function checkReply(message: Uint8Array): void {
  const documents = message.length >= HEADER + 20 ? int32(message, HEADER + 16) : 0;
  let at = HEADER + 20;
  for (let left = documents; left > 0; left--) {
    const size = message.length - at >= 4 ? int32(message, at) : -1;
    if (size < SMALLEST_DOCUMENT || size > message.length - at)
      throw invalid(`it has a document with the invalid length ${size}`);
    at += size;
  }
  if (documents < 1) throw invalid(`it has ${documents} documents`);
}

function checkCompressed(message: Uint8Array): void {
  if (message.length < COMPRESSED_HEADER) throw invalid('it is too short to be compressed');
  const code = int32(message, HEADER);
  if (code !== OP_MSG && code !== OP_REPLY)
    throw invalid(`the operation code of its compressed content is ${code}`);
  const size = int32(message, HEADER + 4);
  if (size < 0 || size > LARGEST - HEADER)
    throw invalid(`its header states ${size} bytes of compressed content`);
}

function invalid(what: string): MongoParseError {
  const error = new MongoParseError(`The server sent an invalid message: ${what}`);
  refused.add(error);
  return error;
}

function decompressing(decompress: Decompress): Decompress {
  return (message) =>
    int32(message, 12) === OP_COMPRESSED ? decompressed(message, decompress) : decompress(message);
}

/** Decompresses at most the stated size, checks the result, and lets the driver read it as a message. */
async function decompressed(message: Uint8Array, decompress: Decompress): Promise<unknown> {
  const size = int32(message, HEADER + 4);
  const compressed = message.subarray(COMPRESSED_HEADER);
  let body: Uint8Array;
  switch (message[COMPRESSED_HEADER - 1]) {
    case Compressor.none:
      body = compressed;
      break;
    case Compressor.zlib:
      body = await inflated(compressed, { maxOutputLength: Math.max(size, 1) });
      break;
    case Compressor.snappy:
      if (snappySize(compressed) !== size) throw unreadable('its two stated sizes differ');
      return await decompressedByDriver(decompress, message);
    default:
      return await decompressedByDriver(decompress, message);
  }
  if (body.length !== size) throw unreadable('its size is not the size that its header states');
  const header = Buffer.from(message.subarray(0, HEADER));
  header.writeInt32LE(HEADER + size, 0);
  header.writeInt32LE(int32(message, HEADER), 12);
  return await decompress(checkedMessage(Buffer.concat([header, body])));
}

interface Response {
  opCode: number;
  data: Uint8Array;
}

/** Decompresses with the driver and its optional library. */
async function decompressedByDriver(decompress: Decompress, message: Uint8Array): Promise<unknown> {
  let response: Response;
  try {
    response = (await decompress(message)) as Response;
  } catch (error) {
    throw error instanceof Error && error.name.startsWith('Mongo')
      ? error
      : unreadable('its content is corrupt', error);
  }
  const header = Buffer.from(message.subarray(0, HEADER));
  header.writeInt32LE(int32(message, HEADER), 12);
  checkedMessage(Buffer.concat([header, response.data]));
  return response;
}

function inflated(bytes: Uint8Array, options: ZlibOptions): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    inflate(bytes, options, (error, result) => {
      if (error === null) resolve(result);
      else reject(unreadable('its content is corrupt, or larger than its header states', error));
    });
  });
}

/** Returns the size that snappy's own header states. */
function snappySize(bytes: Uint8Array): number {
  let size = 0;
  for (let at = 0; at < Math.min(bytes.length, 5); at++) {
    size += (bytes[at] & 0x7f) * 2 ** (7 * at);
    if (bytes[at] < 0x80) return size;
  }
  return -1;
}

function unreadable(what: string, cause?: unknown): Error {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- no public export of the driver
  const { MongoDecompressionError } = require('mongodb/lib/error') as {
    MongoDecompressionError: new (message: string, options?: { cause?: unknown }) => Error;
  };
  const message = `The server sent a compressed message that cannot be read: ${what}`;
  const error = new MongoDecompressionError(message);
  if (cause !== undefined) error.cause = cause;
  return error;
}
