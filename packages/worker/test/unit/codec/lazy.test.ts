import { inspect } from 'node:util';

import { BSON, Long } from 'mongodb';

import { assertSame } from '../../support/same';
import { Pipe, type PipeOptions } from '../../support/tape';

interface Order {
  _id: number;
  customer: { name: string; since: Date; city: string };
  lines: { sku: string; count: number; price: number }[];
  total: number;
  note: string | null;
}

function order(_id: number): Order {
  return {
    _id,
    customer: { name: `Customer ${_id} of many`, since: new Date(_id), city: '大阪市北区' },
    lines: Array.from({ length: 3 + (_id % 4) }, (_, at) => ({
      sku: `sku-${_id}-${at}`,
      count: at,
      price: at / 4,
    })),
    total: _id / 8,
    note: _id % 2 === 0 ? null : 'no note',
  };
}

/** The same documents as lazy ones, the last of them read by compiled readers. */
function lazily(documents: object[], options: PipeOptions = {}): BSON.Document[] {
  const pipe = new Pipe({ encoder: { lazyFrom: 60 }, ...options });
  const bytes = documents.map((document) => BSON.serialize(document));
  // The first of a kind cross as they are, and teach the encoder what is costly.
  pipe.send(bytes, { lazy: true });
  pipe.send(bytes, { lazy: true });
  return pipe.send(bytes, { lazy: true }).map((outcome) => {
    if ('error' in outcome) throw new Error(outcome.error);
    return outcome.value as BSON.Document;
  });
}

function isLazy(document: object, key: string): boolean {
  return Object.getOwnPropertyDescriptor(document, key)?.get !== undefined;
}

const orders = Array.from({ length: 24 }, (_, _id) => order(_id));

describe.each([
  ['compiled', {}],
  ['interpreted', { decoder: { compile: false } }],
] as const)('a lazy document, %s', (_, options) => {
  const read = (documents: object[] = orders): BSON.Document[] => lazily(documents, options);
  const one = (): BSON.Document => read()[5];

  it('leaves its costly fields for later, and no others', () => {
    for (const document of read()) {
      expect(Object.keys(document).filter((key) => isLazy(document, key))).toEqual([
        'customer',
        'lines',
      ]);
    }
  });

  it('has the same values, in whatever order they are touched', () => {
    const documents = read();
    for (const at of documents.keys()) {
      const document = documents[(at * 7) % documents.length];
      const expected = orders[(at * 7) % documents.length];
      const first = at % 2 === 0 ? 'lines' : 'customer';
      assertSame(document[first], expected[first]);
      assertSame(document, expected);
    }
  });

  it('gives the same object at each touch', () => {
    const document = one();
    expect(document.lines).toBe(document.lines);
  });

  it('is a plain object to whoever looks at it', () => {
    const document = one();
    expect(Object.getPrototypeOf(document)).toBe(Object.prototype);
    expect(document.constructor).toBe(Object);
    expect(Object.getOwnPropertyNames(document)).toEqual(Object.keys(orders[5]));
    expect(JSON.stringify(one())).toBe(JSON.stringify(orders[5]));
    assertSame({ ...one() }, orders[5]);
    expect(structuredClone(one())).toEqual(orders[5]);
    assertSame(Object.fromEntries(Object.entries(one())), orders[5]);
    expect(one()).toStrictEqual(orders[5]);
    expect(BSON.serialize(one())).toEqual(BSON.serialize(orders[5]));
    expect(Object.hasOwn(one(), 'lines') && 'lines' in one()).toBe(true);
    expect(inspect(one(), { getters: true })).toContain('sku-5-0');
  });

  it('takes assignments, and what was assigned stays', () => {
    const document = one();
    document.lines = 'none';
    document.customer = undefined;
    document.added = 1;
    assertSame(document, { ...orders[5], lines: 'none', customer: undefined, added: 1 });
    expect(one().lines).toEqual(orders[5].lines);
  });

  it('loses a field that is deleted, and takes another in its place', () => {
    const document = one();
    expect(delete document.lines).toBe(true);
    expect('lines' in document).toBe(false);
    document.lines = 1;
    expect(document.lines).toBe(1);
    assertSame(document.customer, orders[5].customer);
  });

  it('keeps what is done to a value', () => {
    const document = one();
    (document.lines as Order['lines']).push({ sku: 'x', count: 1, price: 2 });
    expect(document.lines).toHaveLength(orders[5].lines.length + 1);
  });

  it('can be frozen: its fields are read all the same, and are not to be assigned', () => {
    const document = Object.freeze(one());
    assertSame(document.lines, orders[5].lines);
    expect(document.lines).toBe(document.lines);
    expect(() => ((document as BSON.Document).lines = 1)).toThrow(TypeError);
    assertSame(document.lines, orders[5].lines);
  });

  it('can be inherited from', () => {
    const document = one();
    const heir = Object.create(document) as BSON.Document;
    assertSame(heir.lines, orders[5].lines);
    heir.lines = 'its own';
    expect(heir.lines).toBe('its own');
    expect(Object.keys(heir)).toEqual(['lines']);
    assertSame(document.lines, orders[5].lines);
  });

  it('says that a getter was called on something else', () => {
    const get = Object.getOwnPropertyDescriptor(one(), 'lines')?.get;
    expect(() => get?.call({})).toThrow(TypeError);
  });

  it('may have null or another type where others are costly', () => {
    const mixed: object[] = [
      ...orders,
      ...[null, 1.5, 'text', [], {}, Long.fromNumber(7)].map((lines, at) => ({
        ...orders[0],
        _id: 100 + at,
        lines,
      })),
    ];
    const documents = read(mixed);
    documents.forEach((document, at) => {
      assertSame(document, BSON.deserialize(BSON.serialize(mixed[at])));
    });
  });

  it('has its keys in their order, whatever they are called', () => {
    const costly = { text: 'x'.repeat(80) };
    const documents = Array.from({ length: 20 }, (_, n) =>
      JSON.parse(
        `{"a":${n},"__proto__":${JSON.stringify(costly)},"toString":${n},"b":{"c":${n},"__proto__":1,"d":{"e":${n}}},"constructor":${JSON.stringify(costly)},"2":${n},"\\"];//":${JSON.stringify(costly)},"last":"${n}"}`,
      ),
    ) as object[];
    read(documents).forEach((document, at) => {
      expect(Object.getPrototypeOf(document)).toBe(Object.prototype);
      assertSame(document, BSON.deserialize(BSON.serialize(documents[at])));
    });
    expect(Object.prototype).not.toHaveProperty('text');
  });

  it('has at most sixteen lazy fields', () => {
    const wide = Array.from({ length: 20 }, (_, n) =>
      Object.fromEntries(
        Array.from({ length: 40 }, (_, at) => [`field${at}`, { n, text: 'y'.repeat(80) }]),
      ),
    );
    const pipe = new Pipe({ encoder: { lazyFrom: 60 }, ...options });
    const bytes = wide.map((document) => BSON.serialize(document));
    for (let round = 0; round < 60; round++) pipe.send(bytes, { lazy: true });
    pipe.send(bytes, { lazy: true }).forEach((outcome, at) => {
      if ('error' in outcome) throw new Error(outcome.error);
      const document = outcome.value as object;
      expect(Object.keys(document).filter((key) => isLazy(document, key))).toHaveLength(16);
      assertSame(document, wide[at]);
    });
  });
});

describe('lazy and other documents of one encoder', () => {
  it('do not get into one another’s way', () => {
    const pipe = new Pipe({ encoder: { lazyFrom: 60 } });
    const bytes = orders.map((document) => BSON.serialize(document));
    for (let round = 0; round < 6; round++) {
      for (const lazy of [true, false]) {
        pipe.send(bytes, { lazy }).forEach((outcome, at) => {
          if ('error' in outcome) throw new Error(outcome.error);
          const document = outcome.value as object;
          if (!lazy || round > 0) expect(isLazy(document, 'lines')).toBe(lazy);
          assertSame(document, orders[at]);
        });
      }
    }
  });

  it('a chunk whose documents are lazy is kept, and not filled again', () => {
    const pipe = new Pipe({ encoder: { lazyFrom: 60 } });
    const bytes = orders.map((document) => BSON.serialize(document));
    pipe.send(bytes, { lazy: true });
    pipe.send(bytes, { lazy: true });
    for (const document of bytes) pipe.encoder.write(document, 0, document.length, 'lazy');
    const channel = {};
    const reader = pipe.decoder.open(pipe.encoder.take(channel), { lazy: true });
    while (reader.length > 0) reader.next();
    expect(reader.isSpent).toBe(false);
  });
});
