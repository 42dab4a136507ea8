import { packCarried } from '@mongo-offload/worker/protocol';
import { BSON, type BSONSerializeOptions, type Document } from 'mongodb';

import { encodeCall, type CallParts } from './encode';
import { encodeListCall, type List } from './encode-list';
import type { EncodedCall } from './encoded-call';

/**
 * A call's arguments, as BSON wherever BSON can hold them. Where it cannot, all of them are carried to the worker as they
 * are, and the driver there refuses them, or does not read what is wrong with them, as it would here.
 *
 * @param lookedInto - how deep the driver looks into the positional arguments, which it mostly hands on
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
 * The same of a call whose first argument is a list of documents.
 *
 * @param sliceMS - as `encodeListCall` takes it
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

/** How deep the driver looks into options, of which a sort may be a list of pairs, and into the keys of an index. */
export const LOOKED_INTO = 4;

/** Whether there is something in a value at which the driver looks, and that is left out or another type in BSON. */
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
        // It throws when it is read: so it shall for the driver, if that reads it.
        return true;
      }
    }
    default:
      return false;
  }
}

/** The worker tells what is carried from options by its being a binary. */
function carried(parts: CallParts): Document {
  return packCarried(parts);
}

/** @throws the reason that BSON has given where nothing can read the arguments */
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
