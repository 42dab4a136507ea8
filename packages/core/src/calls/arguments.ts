import { packCarried } from '@mongo-offload/worker/protocol';
import { BSON, type BSONSerializeOptions, type Document } from 'mongodb';

import { encodeCall, type CallParts } from './encode';
import { encodeListCall, type List } from './encode-list';
import type { EncodedCall } from './encoded-call';

/**
 * Encodes a call's arguments as BSON if BSON can hold them. Otherwise all of them are carried to the worker unchanged,
 * and the driver there refuses or ignores them as it would here.
 *
 * @param lookedInto - the depth to which the driver reads the positional arguments; it passes most of them on unread
 */
export function encodeArguments(
  parts: CallParts,
  bson: BSONSerializeOptions,
  { lookedInto = 0 } = {},
): EncodedCall {
  const { a, b, c, o } = parts;
  if (
    isUnsafeInBSON(a, lookedInto) ||
    isUnsafeInBSON(b, lookedInto) ||
    isUnsafeInBSON(c, lookedInto) ||
    isUnsafeInBSON(o)
  ) {
    return encodeCall({ o: carried(parts) }, bson);
  }
  try {
    return encodeCall(parts, bson);
  } catch (error) {
    return encodeCall({ o: carriedElse(parts, error) }, bson);
  }
}

/**
 * Encodes the arguments of a call whose first argument is a list of documents, in the same way.
 *
 * @param sliceMS - see `encodeListCall`
 * @throws BSONError, as the driver does, for a document that BSON cannot hold
 */
export function encodeListArguments(
  list: List,
  options: Document | undefined,
  bson: BSONSerializeOptions,
  sliceMS?: number,
): EncodedCall | Promise<EncodedCall> {
  if (isUnsafeInBSON(options)) {
    return encodeListCall(list, carried({ o: options }), bson, sliceMS);
  }
  try {
    return encodeListCall(list, options, bson, sliceMS);
  } catch (error) {
    if (options === undefined || isEncodable(options)) throw error;
    return encodeListCall(list, carriedElse({ o: options }, error), bson, sliceMS);
  }
}

/** The depth to which the driver reads options (a sort may be a list of pairs) and the keys of an index. */
export const LOOKED_INTO = 4;

/** Returns whether a value has a part that the driver reads and that BSON would omit or change in type. */
function isUnsafeInBSON(value: unknown, depth = LOOKED_INTO): boolean {
  switch (typeof value) {
    case 'function':
    case 'symbol':
    case 'bigint':
      return true;
    case 'object': {
      if (value === null || depth === 0 || ArrayBuffer.isView(value)) return false;
      try {
        const items: Iterable<unknown> =
          value instanceof Map ? value.values() : Object.values(value);
        for (const item of items) if (isUnsafeInBSON(item, depth - 1)) return true;
        return false;
      } catch {
        // Reading the value throws. The driver must get the same error if it reads the value.
        return true;
      }
    }
    default:
      return false;
  }
}

/** Packs arguments that are carried. A binary in the place of the options tells the worker that it contains them. */
function carried(parts: CallParts): Document {
  return packCarried(parts);
}

/**
 * Packs arguments that BSON could not encode.
 *
 * @throws the reason, which is BSON's own error, if they cannot be carried either
 */
function carriedElse(parts: CallParts, reason: unknown): Document {
  try {
    return carried(parts);
  } catch {
    throw reason;
  }
}

function isEncodable(options: Document): boolean {
  try {
    BSON.serialize(options);
    return true;
  } catch {
    return false;
  }
}
