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

/** A constructor that gives back what it is given, so that a class below it puts its private fields there. */
const Given = function (document: object): object {
  return document;
} as unknown as new (document: object) => object;

/**
 * What a lazy document knows of its unread fields, in a private field of the document itself: no key, symbol or
 * copy of it shows that. A field is a property of the document's own, with accessors that all documents share. It
 * stays one when it was read: V8 would turn the document into a dictionary if it became a plain property.
 */
class LazyFields extends Given {
  readonly #slots!: LazySlots;

  constructor(document: object, slots: LazySlots) {
    super(document);
    this.#slots = slots;
  }

  static get(document: object, field: number): unknown {
    const slots = slotsOf(document);
    const slot = slots[field];
    if (slot instanceof Value) return slot.value;
    const value = slots[0]!.readLazy(slot as number);
    slots[field] = new Value(value);
    release(slots);
    return value;
  }

  static set(document: object, field: number, key: string, value: unknown): void {
    if (!(#slots in document)) {
      // Of an object that inherits from the document, as a plain property would be set.
      Object.defineProperty(document, key, dataProperty(value));
      return;
    }
    if (Object.isFrozen(document)) {
      throw new TypeError(`Cannot assign to read only property '${key}' of object`);
    }
    document.#slots[field] = new Value(value);
    release(document.#slots);
  }

  static of(document: object): LazySlots | undefined {
    return #slots in document ? document.#slots : undefined;
  }
}

/** Of a document, or of an object that inherits from one. */
function slotsOf(document: object): LazySlots {
  let at: object | null = document;
  while (at !== null) {
    const slots = LazyFields.of(at);
    if (slots !== undefined) return slots;
    at = Object.getPrototypeOf(at) as object | null;
  }
  throw new TypeError('This getter was called on an object that is no lazy document');
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

/** Tells a document that has lazy properties where they are. */
export function setLazyFields(document: object, slots: LazySlots): void {
  new LazyFields(document, slots);
}

/** The property of the lazy field of that number, counted from 1, for all documents of a shape. */
export function lazyProperty(field: number, key: string): PropertyDescriptor {
  return {
    get(this: object): unknown {
      return LazyFields.get(this, field);
    },
    set(this: object, value: unknown): void {
      LazyFields.set(this, field, key, value);
    },
    enumerable: true,
    configurable: true,
  };
}
