import type { ErrorEnvelope } from '../errors/envelope';

/** An error that a value's own code threw, and the number under which the main thread keeps it. */
export interface Thrown {
  error: ErrorEnvelope;
  origin: number;
}

/** A property: its value, or the error that its getter throws. */
export type CarriedProperty = { value: CarriedNode } | { throws: Thrown };

/**
 * A value that is carried to a worker as it is: BSON would refuse it or leave parts of it out. An object has a number, its
 * place among the objects in the order in which they were met, so that a cycle arrives as a cycle.
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
  /** Of a Node Buffer, or of any other array of bytes. */
  | { is: 'bytes'; bytes: Uint8Array; node: boolean }
  /** One of bson's values, as the document `{ v: value }`. */
  | { is: 'bson'; bytes: Uint8Array }
  /** One of bson's values that bson refuses to write: its class, and its properties. */
  | { is: 'bsonClass'; name: string; entries: [string, CarriedProperty][] }
  | { is: 'list'; items: CarriedNode[] }
  | { is: 'map'; entries: [CarriedNode, CarriedNode][] }
  | {
      is: 'object';
      entries: [string, CarriedProperty][];
      /** What it inherits or hides, and bson reads. */
      toBSON?: CarriedProperty;
      type?: { name: CarriedNode; version: CarriedNode };
    }
  /** A Proxy that does not let its keys be read. */
  | { is: 'locked'; throws: Thrown };
