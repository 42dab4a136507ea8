import { types } from 'node:util';

/** A chunk from which lazy fields are read, with the options of the call that it answers. */
export interface LazySource {
  /** @param at - the position that the reader noted when it skipped the field */
  readLazy(at: number): unknown;
}

/** The source, then an entry for each field: its position, or its value once it was read. */
export type LazySlots = [source: LazySource | undefined, ...fields: (number | Value)[]];

class Value {
  constructor(public value: unknown) {}
}

/**
 * The key under which a lazy document keeps its unread fields. The property is not enumerable, so copying and comparing
 * ignore it. Unlike a private field, it is found through a Proxy, by an object that inherits from the document, and by
 * a copy made of property descriptors.
 */
const FIELDS = Symbol('lazy fields');

interface Lazy {
  /** It is a function because libraries that wrap a document's contents wrap only objects. */
  [FIELDS]?: () => LazyFields;
}

/**
 * The unread fields of a lazy document. A lazy field is an own accessor property of the document. All documents of a
 * shape share its accessors. It stays an accessor after it was read: if it became a plain property, V8 would turn the
 * document into a dictionary.
 */
class LazyFields {
  readonly #owner: object;
  readonly #slots: LazySlots;

  constructor(owner: object, slots: LazySlots) {
    this.#owner = owner;
    this.#slots = slots;
  }

  get(field: number): unknown {
    const slots = this.#slots;
    const slot = slots[field];
    if (slot instanceof Value) return slot.value;
    const value = slots[0]!.readLazy(slot as number);
    slots[field] = new Value(value);
    release(slots);
    return value;
  }

  /** Sets the field as a plain property would be set on `receiver`. */
  set(receiver: object, field: number, key: string, value: unknown): void {
    if (Object.isFrozen(this.#owner)) {
      throw new TypeError(`Cannot assign to read only property '${key}' of object '#<Object>'`);
    }
    if (receiver === this.#owner || (types.isProxy(receiver) && Object.hasOwn(receiver, FIELDS))) {
      this.#slots[field] = new Value(value);
      release(this.#slots);
    } else {
      // The receiver inherits from the document, or was created from its property descriptors.
      Object.defineProperty(receiver, key, dataProperty(value));
    }
  }
}

/** Releases the chunk of a document whose fields were all read. */
function release(slots: LazySlots): void {
  for (let field = 1; field < slots.length; field++) {
    if (!(slots[field] instanceof Value)) return;
  }
  slots[0] = undefined;
}

export function dataProperty(value: unknown): PropertyDescriptor {
  return { value, writable: true, enumerable: true, configurable: true };
}

/** Attaches the positions of its lazy fields to a document. */
export function setLazyFields(document: object, slots: LazySlots): void {
  const fields = new LazyFields(document, slots);
  // The property is configurable like a document's other properties: a Proxy may hide it, and a library may delete it.
  const value = (): LazyFields => fields;
  Object.defineProperty(document, FIELDS, {
    value,
    writable: true,
    enumerable: false,
    configurable: true,
  });
}

/** Returns the property descriptor of a lazy field, by its number from 1. All documents of a shape share it. */
export function lazyProperty(field: number, key: string): PropertyDescriptor {
  return {
    get(this: Lazy): unknown {
      const fields = this[FIELDS];
      if (fields !== undefined) return fields().get(field);
      throw new TypeError(
        `The getter of ${key} was called on an object that is not a lazy document`,
      );
    },
    set(this: Lazy, value: unknown): void {
      const fields = this[FIELDS];
      // Reflect.set may pass a receiver that is unrelated to the document.
      if (fields === undefined) Object.defineProperty(this, key, dataProperty(value));
      else fields().set(this, field, key, value);
    },
    enumerable: true,
    configurable: true,
  };
}
