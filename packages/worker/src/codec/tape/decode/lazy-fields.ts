import { types } from 'node:util';

/** Where lazy fields are read from: a chunk, under the options of the call that it answers. */
export interface LazySource {
  /** @param at - as the reader that passed over the field noted it */
  readLazy(at: number): unknown;
}

/** A source; then, field by field, where each is, or its value once it was touched. */
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
  /** It is a function because libraries that wrap a document's contents only wrap objects. */
  [FIELDS]?: () => LazyFields;
}

/**
 * The unread fields of a lazy document. A lazy field is an own property of the document, whose accessors all documents
 * of its shape share. It stays an accessor after it was read: if it became a plain property, V8 would turn the document
 * into a dictionary.
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
      // The receiver inherits from the document, or was made of its property descriptors.
      Object.defineProperty(receiver, key, dataProperty(value));
    }
  }
}

/** A document whose fields were all read keeps its chunk no longer. */
function release(slots: LazySlots): void {
  for (let field = 1; field < slots.length; field++) {
    if (!(slots[field] instanceof Value)) return;
  }
  slots[0] = undefined;
}

export function dataProperty(value: unknown): PropertyDescriptor {
  return { value, writable: true, enumerable: true, configurable: true };
}

/** Gives a document with lazy properties their positions. */
export function setLazyFields(document: object, slots: LazySlots): void {
  const fields = new LazyFields(document, slots);
  // Configurable like a document's other properties: a Proxy may hide it, and a library may delete it.
  const value = (): LazyFields => fields;
  Object.defineProperty(document, FIELDS, {
    value,
    writable: true,
    enumerable: false,
    configurable: true,
  });
}

/** The property of the lazy field of that number, counted from 1, for all documents of a shape. */
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
      // The receiver is unrelated to the document, as it may be with Reflect.set.
      if (fields === undefined) Object.defineProperty(this, key, dataProperty(value));
      else fields().set(this, field, key, value);
    },
    enumerable: true,
    configurable: true,
  };
}
