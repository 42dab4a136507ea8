import type { ErrorEnvelope } from '../errors';

/** An error that a value's own code threw, with the number under which the main thread keeps it. */
export interface Thrown {
  error: ErrorEnvelope;
  origin: number;
}

/** A property: its value, or the error that its getter throws. */
export type CarriedProperty = { value: CarriedNode } | { throws: Thrown };

/**
 * A value that crosses to a worker unchanged, although BSON would refuse it or omit parts of it. Each object has a
 * number: its position in the order in which objects were found. So a cycle arrives as a cycle.
 */
export type CarriedNode =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | { is: 'function'; source: string }
  | { is: 'symbol'; description: string | undefined }
  | { is: 'seen'; index: number }
  | { is: 'date'; time: number }
  | { is: 'regExp'; source: string; flags: string }
  /** The bytes of a Node Buffer or another byte array. */
  | { is: 'bytes'; bytes: Uint8Array; node: boolean }
  /** One of bson's values, as the document `{ v: value }`. */
  | { is: 'bson'; bytes: Uint8Array }
  /** One of bson's values that bson refuses to write, as its class and properties. */
  | { is: 'bsonClass'; name: string; entries: [string, CarriedProperty][] }
  | { is: 'list'; items: CarriedNode[] }
  | { is: 'map'; entries: [CarriedNode, CarriedNode][] }
  | {
      is: 'object';
      entries: [string, CarriedProperty][];
      /** Properties that bson reads although they are inherited or not enumerable. */
      toBSON?: CarriedProperty;
      type?: { name: CarriedNode; version: CarriedNode };
    }
  /** A Proxy whose keys cannot be read. */
  | { is: 'locked'; throws: Thrown };
