import { isDeepStrictEqual } from 'node:util';

import { BSON } from 'mongodb';

import { Pipe, type PipeOptions } from '../../support/tape';

/* A lazy document and an eager one that are handled alike have the same results. */

type Document = Record<string, unknown> & { toJSON?: unknown };
type Handling = (document: Document) => unknown;

const original = {
  _id: 5,
  customer: { name: 'Customer', city: 'x'.repeat(60) },
  lines: [{ sku: 'a'.repeat(70), count: 1 }, { sku: 'b' }],
  total: 0.5,
};

/** A document of a shape that the readers have compiled. */
function read(lazy: boolean, options: PipeOptions): Document {
  const pipe = new Pipe({ encoder: { lazyFrom: 60 }, ...options });
  const bytes = Array.from({ length: 3 }, () => BSON.serialize(original));
  for (let round = 0; round < 3; round++) pipe.send(bytes, { lazy });
  const [outcome] = pipe.send(bytes, { lazy });
  if ('error' in outcome) throw new Error(outcome.error);
  const document = outcome.value as Document;
  const { get } = Object.getOwnPropertyDescriptor(document, 'lines')!;
  expect(get !== undefined).toBe(lazy);
  return document;
}

function attempt(run: () => void): string {
  try {
    run();
    return 'done';
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
}

/** Proxy handlers like those of a library with reactive objects. */
const reflecting: ProxyHandler<Document> = {
  get: (target, key, receiver) => Reflect.get(target, key, receiver) as unknown,
  set: (target, key, value, receiver) => Reflect.set(target, key, value, receiver),
  has: (target, key) => Reflect.has(target, key),
  ownKeys: (target) => Reflect.ownKeys(target),
};

/** Wraps each object that it returns, as Vue and mobx do. */
function deeplyWrapped<T extends object>(target: T): T {
  return new Proxy(target, {
    get(inner, key, receiver) {
      const value: unknown = Reflect.get(inner, key, receiver);
      return typeof value === 'object' && value !== null ? deeplyWrapped(value) : value;
    },
  });
}

/** A draft like immer's: the first write makes a copy, and writes go to that. */
function draftOf(base: Document): { draft: Document; finish(): Document } {
  let copy: Document | undefined;
  const draft = new Proxy(base, {
    get: (_, key) => Reflect.get(copy ?? base, key) as unknown,
    set(_, key, value) {
      copy ??= copyByDescriptors(base);
      return Reflect.set(copy, key, value);
    },
  });
  return { draft, finish: () => copy ?? base };
}

function copyByDescriptors(document: Document): Document {
  return Object.create(
    Object.getPrototypeOf(document) as object,
    Object.getOwnPropertyDescriptors(document),
  ) as Document;
}

class Model {
  declare lines: unknown[];
  constructor(document?: Document) {
    Object.assign(this, document);
  }
  get count(): number {
    return this.lines.length;
  }
}

const HANDLINGS: Record<string, Handling> = {
  'a Proxy, read': (document) => {
    const proxy = new Proxy(document, {});
    return [proxy.lines, proxy.customer, { ...proxy }, Object.keys(proxy), JSON.stringify(proxy)];
  },
  'a Proxy, written': (document) => {
    const proxy = new Proxy(document, {});
    proxy.lines = [1];
    return [proxy.lines, document.lines, Object.keys(document), { ...proxy }];
  },
  'a Proxy that reflects': (document) => {
    const proxy = new Proxy(document, reflecting);
    proxy.lines = 7;
    delete proxy.customer;
    return [{ ...proxy }, { ...document }, 'lines' in proxy];
  },
  'a Proxy of a Proxy': (document) => {
    const proxy = new Proxy(new Proxy(document, reflecting), {});
    proxy.customer = 1;
    return [proxy.lines, proxy.customer, document.customer];
  },
  'a Proxy that wraps deeply': (document) => {
    const proxy = deeplyWrapped(document);
    (proxy.lines as unknown[]).push('more');
    return [JSON.stringify(proxy), { ...document }];
  },
  'a Proxy that is revoked': (document) => {
    const { proxy, revoke } = Proxy.revocable(document, {});
    const { lines } = proxy;
    revoke();
    return [lines, document.lines];
  },
  'a Proxy without a prototype': (document) => {
    const proxy = new Proxy(document, { getPrototypeOf: () => null });
    proxy.lines = 3;
    return [proxy.lines, proxy.customer, document.lines];
  },
  'a draft': (document) => {
    const { draft, finish } = draftOf(document);
    draft.lines = [...(draft.lines as unknown[]), 'more'];
    return [{ ...finish() }, { ...document }];
  },
  'what inherits from it': (document) => {
    const heir = Object.create(document) as Document;
    const before = heir.lines;
    heir.lines = 2;
    return [before, heir.lines, heir.customer, document.lines, Object.keys(heir)];
  },
  'what inherits from its Proxy': (document) => {
    const heir = Object.create(new Proxy(document, {})) as Document;
    const before = heir.lines;
    heir.customer = 2;
    return [before, heir.customer, document.lines, Object.keys(heir)];
  },
  'what inherits from a frozen one': (document) => {
    const heir = Object.create(Object.freeze(document)) as Document;
    return [attempt(() => (heir.lines = 2)).split(':')[0], heir.lines, document.lines];
  },
  'an assignment by super': (document) => {
    const heir = {
      __proto__: document,
      assign(): unknown {
        super.lines = 8;
        return (this as unknown as Document).lines;
      },
    } as unknown as Document & { assign(): unknown };
    return [heir.assign(), document.lines];
  },
  'a copy by its descriptors': (document) => {
    const copy = copyByDescriptors(document);
    copy.lines = 9;
    return [{ ...copy }, { ...document }, copy.customer === document.customer];
  },
  structuredClone: (document) => structuredClone(document),
  spread: (document) => ({ ...document }),
  rest: ({ lines, ...rest }) => [lines, rest],
  'Object.assign from it': (document) => Object.assign({}, document),
  'Object.assign to it': (document) => ({ ...Object.assign(document, { lines: 1, customer: 2 }) }),
  'Object.freeze': (document) => {
    Object.freeze(document);
    return [
      attempt(() => (document.lines = 1)),
      attempt(() => delete document.lines).split(':')[0],
      Object.isFrozen(document),
      document.lines,
      { ...document },
    ];
  },
  'Object.seal': (document) => {
    Object.seal(document);
    document.lines = 1;
    return [attempt(() => delete document.lines).split(':')[0], { ...document }];
  },
  'Object.preventExtensions': (document) => {
    Object.preventExtensions(document);
    document.lines = 1;
    return [attempt(() => (document.more = 1)).split(':')[0], { ...document }];
  },
  'JSON.stringify': (document) => JSON.stringify(document),
  toJSON: (document) => {
    document.toJSON = function (this: Document): unknown {
      return { only: this.lines };
    };
    return JSON.stringify(document);
  },
  'BSON.serialize': (document) => [...BSON.serialize(document)],
  'EJSON.stringify': (document) => BSON.EJSON.stringify(document),
  'keys, values, entries': (document) => [
    Object.keys(document),
    Object.values(document),
    Object.entries(document),
    Object.getOwnPropertyNames(document),
  ],
  'for in': (document) => {
    const found: unknown[] = [];
    for (const key in document) found.push(key, document[key]);
    return found;
  },
  'in, hasOwn, propertyIsEnumerable': (document) => [
    'lines' in document,
    Object.hasOwn(document, 'lines'),
    Object.prototype.propertyIsEnumerable.call(document, 'lines'),
  ],
  delete: (document) => [
    delete document.lines,
    document.lines,
    'lines' in document,
    { ...document },
  ],
  'delete, then an assignment': (document) => {
    delete document.lines;
    document.lines = 4;
    return [
      document.lines,
      Object.keys(document),
      Object.getOwnPropertyDescriptor(document, 'lines'),
    ];
  },
  'defineProperty of all of a property': (document) => {
    const whole = { value: 3, writable: false, enumerable: false, configurable: true };
    Object.defineProperty(document, 'lines', whole);
    return [document.lines, Object.getOwnPropertyDescriptor(document, 'lines'), { ...document }];
  },
  'defineProperty of its enumerability': (document) => {
    Object.defineProperty(document, 'lines', { enumerable: false });
    return [document.lines, Object.keys(document), JSON.stringify(document)];
  },
  'Reflect.set with another receiver': (document) => {
    const receiver = {};
    return [Reflect.set(document, 'lines', 5, receiver), receiver, document.lines];
  },
  'a class as its prototype': (document) => {
    const model = Object.setPrototypeOf(document, Model.prototype) as Model;
    return [model.count, model instanceof Model, Object.entries(model)];
  },
  'a class that takes it over': (document) => {
    const model = new Model(document);
    model.lines = [];
    return [model.count, Object.entries(model), document.lines];
  },
  'changes in a value': (document) => {
    (document.lines as unknown[]).push('more');
    (document.customer as Document).added = 1;
    return { ...document };
  },
  comparing: (document) => [
    isDeepStrictEqual(document, original),
    isDeepStrictEqual(original, document),
    document.lines === document.lines,
  ],
  'a key of a Map': (document) => new Map([[document, 1]]).get(document),
};

describe.each([
  ['compiled', {}],
  ['interpreted', { decoder: { compile: false } }],
] as const)('a lazy document, %s', (_, options) => {
  it.each(Object.entries(HANDLINGS))('behaves like an eager one under: %s', (__, handle) => {
    const expected = handle(read(false, options));
    expect(handle(read(true, options))).toStrictEqual(expected);
  });
});
