import { types } from 'node:util';
import { serialize } from 'node:v8';

import { BSON, Long } from 'mongodb';

import { packError, keepThrown } from '../errors';
import type { CarriedNode, CarriedProperty, Thrown } from './node';

/** The symbol under which bson's values hold their major version. */
export const VERSION = Symbol.for('@@mdb.bson.version');
const BSON_VERSION: unknown = (Long.prototype as unknown as Record<symbol, unknown>)[VERSION];

/** Classes that bson writes as another type or with nested documents. */
const WITH_DOCUMENTS = new Set<unknown>(['DBRef', 'Code']);

/**
 * Packs values that BSON cannot hold. The driver in the worker then gets the same values as it would here, and reads,
 * omits or refuses them itself. Cycles stay cycles, and functions and symbols stay what they are. A property whose
 * getter throws here throws the same error in the worker.
 *
 * @throws the error of a value that cannot be read at all
 */
export function packCarried(value: unknown): Uint8Array {
  return serialize(new CarriedWriter().node(value));
}

class CarriedWriter {
  readonly #seen = new Map<object, number>();

  node(value: unknown): CarriedNode {
    switch (typeof value) {
      case 'function':
        return { is: 'function', source: Function.prototype.toString.call(value) };
      case 'symbol':
        return { is: 'symbol', description: value.description };
      case 'object':
        return value === null ? null : this.#object(value);
      default:
        return value as CarriedNode;
    }
  }

  #object(value: object): CarriedNode {
    const index = this.#seen.get(value);
    if (index !== undefined) return { is: 'seen', index };
    this.#seen.set(value, this.#seen.size);
    if (Array.isArray(value))
      return { is: 'list', items: Array.from(value, (item) => this.node(item)) };
    if (types.isMap(value)) {
      const entries = Array.from(value, ([key, item]): [CarriedNode, CarriedNode] => [
        this.node(key),
        this.node(item),
      ]);
      return { is: 'map', entries };
    }
    const toBSON = this.#toBSON(value);
    if (toBSON === undefined) {
      if (types.isDate(value)) return { is: 'date', time: value.getTime() };
      if (types.isRegExp(value)) return { is: 'regExp', source: value.source, flags: value.flags };
      if (types.isUint8Array(value))
        return { is: 'bytes', bytes: Uint8Array.from(value), node: Buffer.isBuffer(value) };
    }
    return this.#document(value, toBSON);
  }

  #document(value: object, toBSON: CarriedProperty | undefined): CarriedNode {
    const type = read(value, '_bsontype');
    const version = read(value, VERSION);
    const isTyped = 'value' in type && type.value != null;
    if (toBSON === undefined && isTyped && 'value' in version && version.value === BSON_VERSION) {
      const bytes = WITH_DOCUMENTS.has(type.value) ? undefined : written(value);
      if (bytes !== undefined) return { is: 'bson', bytes };
      const entries = this.#entries(Object.keys(value), value);
      return { is: 'bsonClass', name: String(type.value), entries };
    }
    let keys: string[];
    try {
      keys = Object.keys(value);
    } catch (error) {
      // Nobody reads the keys of an object with a toBSON.
      if (toBSON !== undefined) return { is: 'object', entries: [], toBSON };
      return { is: 'locked', throws: thrown(error) };
    }
    const node: CarriedNode = { is: 'object', entries: this.#entries(keys, value) };
    if (toBSON !== undefined) node.toBSON = toBSON;
    if (isTyped) {
      const known = 'value' in version ? version.value : undefined;
      node.type = { name: this.node(type.value), version: this.node(known) };
    }
    return node;
  }

  #entries(keys: string[], value: object): [string, CarriedProperty][] {
    return keys.map((key) => [key, this.#property(read(value, key))]);
  }

  #property(property: { value: unknown } | { throws: Thrown }): CarriedProperty {
    return 'throws' in property ? property : { value: this.node(property.value) };
  }

  /** Returns the result of the value's `toBSON`, if it has one. */
  #toBSON(value: object): CarriedProperty | undefined {
    const method = read(value, 'toBSON');
    if ('throws' in method) return method;
    if (typeof method.value !== 'function') return undefined;
    try {
      return { value: this.node((method.value as () => unknown).call(value)) };
    } catch (error) {
      return { throws: thrown(error) };
    }
  }
}

function read(object: object, key: string | symbol): { value: unknown } | { throws: Thrown } {
  try {
    return { value: (object as Record<string | symbol, unknown>)[key] };
  } catch (error) {
    return { throws: thrown(error) };
  }
}

function thrown(error: unknown): Thrown {
  return { error: packError(error), origin: keepThrown(error) };
}

function written(value: object): Uint8Array | undefined {
  try {
    return Uint8Array.from(BSON.serialize({ v: value }));
  } catch {
    return undefined;
  }
}
