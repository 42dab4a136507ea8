import { inspect, type InspectOptions } from 'node:util';

import { decodeFaithful, deserializeOptionsOf } from '@mongo-offload/worker/codec';
import {
  reviveError,
  type ForwardedEvent,
  type Happening,
  type PackedProperty,
} from '@mongo-offload/worker/protocol';
import * as driver from 'mongodb';
import { Binary, BSON, type Document } from 'mongodb';

import { errorDecoding, type Decoding } from '../calls';
import type { OperationScope } from './operation-scope';

const CLASSES: Record<ForwardedEvent, { prototype: object }> = {
  commandStarted: driver.CommandStartedEvent,
  commandSucceeded: driver.CommandSucceededEvent,
  commandFailed: driver.CommandFailedEvent,
  connectionPoolCreated: driver.ConnectionPoolCreatedEvent,
  connectionPoolReady: driver.ConnectionPoolReadyEvent,
  connectionPoolCleared: driver.ConnectionPoolClearedEvent,
  connectionPoolClosed: driver.ConnectionPoolClosedEvent,
  connectionCreated: driver.ConnectionCreatedEvent,
  connectionReady: driver.ConnectionReadyEvent,
  connectionClosed: driver.ConnectionClosedEvent,
  connectionCheckOutStarted: driver.ConnectionCheckOutStartedEvent,
  connectionCheckOutFailed: driver.ConnectionCheckOutFailedEvent,
  connectionCheckedOut: driver.ConnectionCheckedOutEvent,
  connectionCheckedIn: driver.ConnectionCheckedInEvent,
};

/** Workers count their requests each from 0: above the 32 bits that are on the wire stands the worker. */
const REQUESTS_OF_A_WORKER = 2 ** 32;

/** Hands out a batch's documents one after the other. */
export class EventBytes {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: ArrayBuffer) {
    this.#bytes = new Uint8Array(bytes);
  }

  take(length: number): Uint8Array {
    const start = this.#at;
    this.#at += length;
    return this.#bytes.subarray(start, this.#at);
  }
}

/** What happened, as an object with the properties that it had in the worker, and the worker's number. */
function reviveProperties(
  target: object,
  { properties, pool }: Happening,
  bytes: EventBytes,
  { decoding, signal }: OperationScope,
  worker: number,
): void {
  const object = target as Record<string, unknown>;
  let lazy = false;
  let commandName: unknown;
  for (const [name, packed] of properties) {
    if (name === 'commandName' && packed.is === 'plain') commandName = packed.value;
    switch (packed.is) {
      case 'plain':
        object[name] = packed.value;
        break;
      case 'value':
        object[name] = (BSON.deserialize(bytes.take(packed.length)) as { v: unknown }).v;
        break;
      case 'abortReason':
        object[name] = signal?.aborted === true ? signal.reason : aborted();
        break;
      case 'abortMessage':
        object[name] = messageOf(signal?.aborted === true ? signal.reason : aborted());
        break;
      case 'error':
        object[name] = reviveError(packed.error, { decode: errorDecoding(decoding) });
        break;
      case 'command': {
        const document = bytes.take(packed.length);
        decodedWhenRead(object, name, () => decodeCommand(document, packed));
        lazy = true;
        break;
      }
      case 'reply': {
        const document = bytes.take(packed.length);
        decodedWhenRead(object, name, () =>
          BSON.deserialize(document, replyOptions(decoding, commandName)),
        );
        lazy = true;
        break;
      }
      default:
        packed satisfies never;
    }
  }
  if (typeof object.requestId === 'number') object.requestId += worker * REQUESTS_OF_A_WORKER;
  object.offloadWorker = worker;
  if (pool !== undefined) object.offloadPool = pool;
  if (lazy) inspectedAsPlain(object);
}

/** A signal's default reason. */
function aborted(): Error {
  return new DOMException('This operation was aborted', 'AbortError');
}

/** As the driver's log puts it. */
function messageOf(reason: unknown): unknown {
  return (reason as { message?: unknown } | null | undefined)?.message ?? '(redacted)';
}

/** An instance of the driver's class for this event. */
export function reviveEvent(
  happening: Happening,
  bytes: EventBytes,
  scope: OperationScope,
  worker: number,
): object {
  const event = Object.create(CLASSES[happening.name as ForwardedEvent].prototype) as object;
  reviveProperties(event, happening, bytes, scope, worker);
  return event;
}

/** A line of the driver's log. */
export function reviveLog(
  happening: Happening,
  bytes: EventBytes,
  scope: OperationScope,
  worker: number,
): Document {
  const line: Document = {};
  reviveProperties(line, happening, bytes, scope, worker);
  return line;
}

/** Most listeners want a name and a duration: what they do not look at is never decoded. */
function decodedWhenRead(object: object, name: string, decode: () => unknown): void {
  const set = (value: unknown): void => {
    Object.defineProperty(object, name, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  };
  Object.defineProperty(object, name, {
    enumerable: true,
    configurable: true,
    get() {
      const value = decode();
      set(value);
      return value;
    },
    set,
  });
}

/** `console.log` shows the documents, as it would if they stood there from the beginning. */
function inspectedAsPlain(object: object): void {
  Object.defineProperty(object, inspect.custom, {
    configurable: true,
    value(this: Record<string | symbol, unknown>, _depth: number, options: InspectOptions): string {
      for (const [name, value] of Object.entries(this)) this[name] = value;
      Reflect.deleteProperty(this, inspect.custom);
      return inspect(this, options);
    },
  });
}

/**
 * As the driver holds it: in the types that the program gave (but an Int32 is a number, and a Buffer a
 * Binary: BSON does not tell them apart), and with the driver's Maps.
 */
function decodeCommand(
  bytes: Uint8Array,
  { maps }: Extract<PackedProperty, { is: 'command' }>,
): Document {
  const command = decodeFaithful(bytes, 0, { asWritten: true });
  const { lsid } = command as { lsid?: { id: Binary } };
  if (lsid !== undefined) lsid.id = new Binary(lsid.id.buffer, lsid.id.sub_type);
  for (const path of maps ?? []) {
    const key = path[path.length - 1];
    let parent = command;
    for (const step of path.slice(0, -1)) parent = parent[step] as Document;
    const value = parent[key] as Document | Map<string, unknown>;
    if (!(value instanceof Map)) parent[key] = new Map(Object.entries(value));
  }
  return command;
}

/** As the driver decodes the reply of this command under the operation's options. */
function replyOptions(
  decoding: Decoding | undefined,
  commandName: unknown,
): BSON.DeserializeOptions {
  if (decoding === undefined) return {};
  const { raw, fieldsAsRaw, ...rest } = decoding;
  const options = deserializeOptionsOf(rest);
  if (raw !== true) {
    if (fieldsAsRaw !== undefined) options.fieldsAsRaw = fieldsAsRaw;
  } else if (commandName === 'find') options.fieldsAsRaw = { firstBatch: true };
  else if (commandName === 'getMore') options.fieldsAsRaw = { nextBatch: true };
  else options.raw = true;
  return options;
}
