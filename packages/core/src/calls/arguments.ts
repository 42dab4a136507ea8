import { packCarried } from '@mongo-offload/worker/protocol';
import { BSON, type BSONSerializeOptions, type Document } from 'mongodb';

import { encodeCall, type CallParts } from './encode';
import { encodeListCall, type List } from './encode-list';
import type { EncodedCall } from './encoded-call';

/**
 * Encodes a call's arguments as BSON if BSON can hold them. If it cannot, all of them are carried to the worker as they
 * are, and the driver there refuses or ignores them as it would here.
 *
 * @param lookedInto - how deep the driver looks into the positional arguments, most of which it passes on unread
 */
export function encodeArguments(
  parts: CallParts,
  bson: BSONSerializeOptions,
  { lookedInto = 0 } = {},
): EncodedCall {
  const { a, b, c, o } = parts;
  const odd = isOdd(a, lookedInto) || isOdd(b, lookedInto) || isOdd(c, lookedInto) || isOdd(o);
  if (odd) {
    return encodeCall({ o: carried(parts) }, bson);
  }
  try {
    return encodeCall(parts, bson);
  } catch (error) {
    return encodeCall({ o: carriedElse(parts, error) }, bson);
  }
}

/**
 * Does the same for a call whose first argument is a list of documents.
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
  if (isOdd(options)) {
    return encodeListCall(list, carried({ o: options }), bson, sliceMS);
  }
  try {
    return encodeListCall(list, options, bson, sliceMS);
  } catch (error) {
    if (options === undefined || isEncodable(options)) throw error;
    return encodeListCall(list, carriedElse({ o: options }, error), bson, sliceMS);
  }
}

/** How deep the driver looks into options (a sort may be a list of pairs) and into the keys of an index. */
export const LOOKED_INTO = 4;

/** Whether a value has a part that the driver looks at and that BSON would omit or change in type. */
function isOdd(value: unknown, depth = LOOKED_INTO): boolean {
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
        for (const item of items) if (isOdd(item, depth - 1)) return true;
        return false;
      } catch {
        // Reading it throws. The driver must meet the same error if it reads it.
        return true;
      }
    }
    default:
      return false;
  }
}

/** The binary tells the worker that these are carried values and not options. */
function carried(parts: CallParts): Document {
  return packCarried(parts);
}

/** @throws BSON's own error when the arguments cannot be carried either */
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
