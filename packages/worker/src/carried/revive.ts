import { deserialize } from 'node:v8';

import { BSON } from 'mongodb';

import { standsFor, AS_CLASSES, reviveError } from '../errors';
import type { CarriedNode, CarriedProperty, Thrown } from './node';
import { VERSION } from './pack';

/** Returns the value that `packCarried` packed. The driver cannot tell it from the original. */
export function reviveCarried(bytes: Uint8Array): unknown {
  return new CarriedReader().value(deserialize(bytes) as CarriedNode);
}

class CarriedReader {
  readonly #seen: object[] = [];

  value(node: CarriedNode): unknown {
    if (typeof node !== 'object' || node === null) return node;
    switch (node.is) {
      case 'function':
        return standIn(node.source);
      case 'symbol':
        return Symbol(node.description);
      case 'seen':
        return this.#seen[node.index];
      case 'date':
        return this.#met(new Date(node.time));
      case 'regExp':
        return this.#met(new RegExp(node.source, node.flags));
      case 'bytes':
        return this.#met(node.node ? Buffer.from(node.bytes) : Uint8Array.from(node.bytes));
      case 'bson':
        return this.#met((BSON.deserialize(node.bytes, AS_CLASSES) as { v: object }).v);
      case 'list': {
        const list = this.#met<unknown[]>([]);
        for (const item of node.items) list.push(this.value(item));
        return list;
      }
      case 'map': {
        const map = this.#met(new Map<unknown, unknown>());
        for (const [key, item] of node.entries) map.set(this.value(key), this.value(item));
        return map;
      }
      case 'bsonClass': {
        const { prototype } = (BSON as unknown as Record<string, { prototype: object }>)[
          node.name
        ] ?? {
          prototype: { _bsontype: node.name, [VERSION]: versionHere() },
        };
        const object = this.#met(Object.create(prototype) as object);
        this.#define(object, node.entries);
        return object;
      }
      case 'object':
        return this.#document(node);
      case 'locked': {
        const error = errorOf(node.throws);
        return this.#met(
          new Proxy(
            {},
            {
              ownKeys(): never {
                throw error;
              },
            },
          ),
        );
      }
      default:
        return node satisfies never;
    }
  }

  #met<T extends object>(object: T): T {
    this.#seen.push(object);
    return object;
  }

  #document({ entries, toBSON, type }: Extract<CarriedNode, { is: 'object' }>): object {
    const inherited: object = {};
    const object = this.#met(
      toBSON === undefined && type === undefined ? {} : (Object.create(inherited) as object),
    );
    // This must follow the order of packing: `seen` relies on it.
    if (toBSON !== undefined) {
      const method =
        'throws' in toBSON ? throwing(toBSON.throws) : constant(this.value(toBSON.value));
      Object.defineProperty(inherited, 'toBSON', { value: method, writable: true });
      this.#define(object, entries);
      const own = Object.getOwnPropertyDescriptor(object, 'toBSON')?.value as
        (() => unknown) | undefined;
      if (own !== undefined) {
        Object.defineProperty(method, 'toString', { value: () => own.toString() });
        Object.defineProperty(object, 'toBSON', { value: method });
      }
    } else {
      this.#define(object, entries);
    }
    if (type !== undefined) {
      Object.defineProperty(inherited, '_bsontype', { value: this.value(type.name) });
      Object.defineProperty(inherited, VERSION, { value: this.value(type.version) });
    }
    return object;
  }

  #define(object: object, entries: [string, CarriedProperty][]): void {
    for (const [key, property] of entries) {
      const own =
        'throws' in property
          ? { get: throwing(property.throws) }
          : { value: this.value(property.value), writable: true };
      Object.defineProperty(object, key, { ...own, enumerable: true, configurable: true });
    }
  }
}

function throwing(thrown: Thrown): () => never {
  const error = errorOf(thrown);
  return () => {
    throw error;
  };
}

function constant(value: unknown): () => unknown {
  return () => value;
}

function errorOf({ error, origin }: Thrown): Error {
  return standsFor(reviveError(error), origin);
}

/** Returns a function with this source text. bson reads only the text, and nothing calls the function. */
function standIn(source: string): () => void {
  return Object.defineProperty(() => undefined, 'toString', { value: () => source });
}

function versionHere(): unknown {
  return (BSON.Long.prototype as unknown as Record<symbol, unknown>)[VERSION];
}
