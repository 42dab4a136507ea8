import { BSON } from 'mongodb';

import { classNamed } from './class-registry';
import type { EnvelopeValue, ErrorEnvelope } from './envelope';
import { thrownHere } from './origin';

/** What the main thread knows about a failed operation when it rebuilds the error. */
export interface ErrorContext {
  /** BSON options of the failed operation. */
  decode?: BSON.DeserializeOptions;
  /** Sets the error's stack. By default, V8 captures it from the caller of `reviveError`. */
  trace?: (error: Error) => unknown;
}

/**
 * Returns an error without a stack; the caller sets the stack later. V8 captures no stack while `stackTraceLimit` is
 * undefined, which saves half of the cost.
 */
function bareError(message: string): Error {
  const { stackTraceLimit } = Error;
  const isUnlimited = Reflect.set(Error, 'stackTraceLimit', undefined);
  try {
    return new Error(message);
  } finally {
    if (isUnlimited) Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  }
}

class EnvelopeReader {
  readonly #seen: object[] = [];

  constructor(private readonly context: ErrorContext) {}

  error(envelope: ErrorEnvelope): Error {
    // A genuine Error gets the prototype of the driver's class. The driver's constructors need the server's reply, so
    // they do not run again. (Reflect.construct with the class as new.target gives a stack without frames.)
    const { trace } = this.context;
    const error = trace === undefined ? new Error(envelope.message) : bareError(envelope.message);
    const known = classNamed(envelope.class);
    if (known !== undefined) Object.setPrototypeOf(error, known.prototype as object);
    if (trace === undefined) Error.captureStackTrace(error, reviveError);
    else trace(error);
    const index = this.#seen.push(error) - 1;
    this.#define(error, envelope.properties);
    const own = thrownHere(envelope.origin);
    if (own === undefined) return error;
    // A value's own code may throw something that is not an error.
    this.#seen[index] = own as Error;
    return own as Error;
  }

  value(value: EnvelopeValue): unknown {
    return this.#value(value);
  }

  #define(object: object, properties: ErrorEnvelope['properties']): void {
    for (const [name, value, enumerable] of properties) {
      Object.defineProperty(object, name, {
        value: this.#value(value),
        enumerable,
        writable: true,
        configurable: true,
      });
    }
  }

  #value(value: EnvelopeValue): unknown {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) {
      const items: unknown[] = [];
      this.#seen.push(items);
      for (const item of value) items.push(this.#value(item));
      return items;
    }
    if (!('is' in value)) return value;
    switch (value.is) {
      case 'seen':
        return this.#seen[value.index];
      case 'document':
        return (BSON.deserialize(value.bytes, this.context.decode) as { v: unknown }).v;
      case 'bson':
        return (BSON.deserialize(value.bytes, AS_CLASSES) as { v: unknown }).v;
      case 'regExp':
        return value.regExp;
      case 'bytes':
        return Buffer.from(value.bytes.buffer, value.bytes.byteOffset, value.bytes.byteLength);
      case 'error':
        return this.error(value.error);
      case 'map': {
        const map = new Map<unknown, unknown>();
        this.#seen.push(map);
        for (const [key, item] of value.entries) map.set(this.#value(key), this.#value(item));
        return map;
      }
      case 'set': {
        const set = new Set<unknown>();
        this.#seen.push(set);
        for (const item of value.values) set.add(this.#value(item));
        return set;
      }
      case 'object': {
        const known = value.class === undefined ? undefined : classNamed(value.class);
        const object = Object.create((known?.prototype as object) ?? Object.prototype) as object;
        this.#seen.push(object);
        this.#define(object, value.entries);
        return object;
      }
      default:
        return value satisfies never;
    }
  }
}

/**
 * Rebuilds an error of the worker as an instance of the driver's class. Call it in the async function that the
 * application awaits: the stack starts there, and shows the application's line.
 */
export function reviveError(envelope: ErrorEnvelope, context: ErrorContext = {}): Error {
  try {
    return new EnvelopeReader(context).error(envelope);
  } catch {
    // The properties cannot be read, but the message can.
    return new EnvelopeReader(context).error({ ...envelope, properties: [] });
  }
}

/** Returns the value that `packValue` packed. */
export function reviveValue(value: EnvelopeValue): unknown {
  return new EnvelopeReader({}).value(value);
}

/** Options with which bson's own values keep their classes. */
export const AS_CLASSES: BSON.DeserializeOptions = {
  promoteValues: false,
  promoteLongs: false,
  promoteBuffers: false,
  bsonRegExp: true,
};
