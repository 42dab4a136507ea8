import fc from 'fast-check';
import { BSON, Code, DBRef, ObjectId, type Document } from 'mongodb';

import { openClients, type Clients } from '../../support/clients';
import { runs } from '../../support/effort';

// Getters, toBSON, Proxy traps, a Map's entries and a function's toString run in the middle of a call's arguments. They
// may start another call. Neither call may write into the other, and each argument is read once.

let clients: Clients;

beforeAll(() => {
  clients = openClients();
});
afterAll(async () => {
  await clients.close();
});

/** The document stored in the end: its id, and a value without code. */
interface Stored {
  _id: number;
  v: unknown;
}

/** A value as plain data, and what to do while it is encoded. */
type Plan =
  | { kind: 'plain'; value: unknown }
  | { kind: 'list' | 'object' | 'map' | 'scope' | 'reference' | 'instance'; parts: Plan[] }
  | { kind: 'getter' | 'toBSON' | 'hidden toBSON' | 'proxy' | 'source'; call: Call; inner: Plan };

/** An operation that stores values. */
interface Call {
  way:
    | 'insertOne'
    | 'insertMany'
    | 'updateOne'
    | 'replaceOne'
    | 'bulkWrite'
    | 'bulk'
    | 'findOneAndReplace';
  plans: Plan[];
}

const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.nat(3_000).map((length) => 'ü'.repeat(length % 7) + 'x'.repeat(length)),
);
const plain = fc
  .oneof(
    text,
    fc.integer(),
    fc.double(),
    fc.constantFrom(null, true, /a/i, new Date(5), new ObjectId('a'.repeat(24))),
    fc.uint8Array({ maxLength: 40 }),
  )
  .map((value): Plan => ({ kind: 'plain', value }));

const { plan } = fc.letrec<{ plan: Plan; call: Call }>((tie) => ({
  plan: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    { weight: 3, arbitrary: plain },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constantFrom('list', 'object', 'map', 'scope', 'reference', 'instance'),
        parts: fc.array(tie('plan'), { maxLength: 4 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constantFrom('getter', 'toBSON', 'hidden toBSON', 'proxy', 'source'),
        call: tie('call'),
        inner: tie('plan'),
      }),
    },
  ),
  call: fc.record({
    way: fc.constantFrom(
      'insertOne',
      'insertMany',
      'updateOne',
      'replaceOne',
      'bulkWrite',
      'bulk',
      'findOneAndReplace',
    ),
    plans: fc.array(tie('plan'), { minLength: 1, maxLength: 3 }),
  }),
}));

class Instance {}

/** Carries out plans on our client, and notes what must be stored. */
class Run {
  readonly expected: Stored[] = [];
  readonly pending: Promise<unknown>[] = [];
  /** Times that a piece of code ran; each must be 1. */
  readonly times: number[] = [];
  #ids = 0;

  start({ way, plans }: Call): void {
    const on = clients.ours.db.collection<Document & { _id: number }>('rows');
    const rows = plans.map((each) => {
      const _id = this.#ids++;
      const { live, data } = this.#value(each);
      const row = Object.defineProperty({ _id, v: undefined }, 'v', live);
      return { _id, row, data, live };
    });
    for (const { _id, data } of rows) this.expected.push({ _id, v: data });
    const documents = rows.map(({ row }) => row);
    const upserts = rows.map(({ _id, live }) => ({
      filter: { _id },
      update: { $set: Object.defineProperty({}, 'v', live) },
      upsert: true,
    }));
    const options = { serializeFunctions: true };
    switch (way) {
      case 'insertOne':
        for (const document of documents) this.pending.push(on.insertOne(document, options));
        return;
      case 'insertMany':
        this.pending.push(on.insertMany(documents, options));
        return;
      case 'bulkWrite':
        this.pending.push(
          on.bulkWrite(
            documents.map((document) => ({ insertOne: { document } })),
            options,
          ),
        );
        return;
      case 'bulk': {
        const operations = upserts.map((updateOne) => ({ updateOne }));
        this.pending.push(on.bulkWrite(operations, { ...options, ordered: false }));
        return;
      }
      case 'updateOne':
        for (const { filter, update, upsert } of upserts)
          this.pending.push(on.updateOne(filter, update, { ...options, upsert }));
        return;
      default:
        for (const { _id, live } of rows) {
          const replacement = Object.defineProperty({}, 'v', live) as Document;
          const all = { ...options, upsert: true };
          this.pending.push(
            way === 'replaceOne'
              ? on.replaceOne({ _id }, replacement, all)
              : on.findOneAndReplace({ _id }, replacement, all),
          );
        }
    }
  }

  /** A property with code in it, and the same as plain data. */
  #value(each: Plan): { live: PropertyDescriptor; data: unknown } {
    const property = (value: unknown): PropertyDescriptor => ({ value, enumerable: true });
    if (each.kind === 'plain') return { live: property(each.value), data: each.value };
    if ('parts' in each) {
      const parts = each.parts.map((part) => this.#value(part));
      const data = parts.map((part) => part.data);
      const object = (): object => {
        const result = each.kind === 'instance' ? new Instance() : {};
        parts.forEach(({ live }, i) => Object.defineProperty(result, `k${i}`, live));
        return result;
      };
      const asObject = Object.fromEntries(data.map((value, i) => [`k${i}`, value]));
      switch (each.kind) {
        case 'list': {
          const list: unknown[] = [];
          parts.forEach(({ live }, i) => Object.defineProperty(list, i, live));
          return { live: property(list), data };
        }
        case 'map': {
          const map = new Map<string, unknown>();
          parts.forEach(({ live }, i) => {
            map.set(`k${i}`, 'get' in live ? Object.defineProperty({}, 'g', live) : live.value);
          });
          const plainMap = parts.map((part, i): [string, unknown] => [
            `k${i}`,
            'get' in part.live ? { g: part.data } : part.data,
          ]);
          return { live: property(map), data: Object.fromEntries(plainMap) };
        }
        case 'scope':
          return { live: property(new Code('f', object())), data: new Code('f', asObject) };
        case 'reference': {
          const id = new ObjectId('b'.repeat(24));
          const fields = parts.map(({ live, data: value }) =>
            'get' in live
              ? { live: Object.defineProperty({}, 'g', live), data: { g: value } }
              : { live: live.value as unknown, data: value },
          );
          const of = (side: 'live' | 'data'): Document =>
            Object.fromEntries(fields.map((field, i) => [`k${i}`, field[side]]));
          return {
            live: property(new DBRef('c', id, undefined, of('live'))),
            data: { $ref: 'c', $id: id, ...of('data') },
          };
        }
        default:
          return { live: property(object()), data: asObject };
      }
    }
    const { live, data } = this.#value(each.inner);
    const read = (): unknown => ('get' in live ? live.get!.call(undefined) : live.value) as unknown;
    const at = this.times.push(0) - 1;
    const code = (): void => {
      this.times[at] += 1;
      // What is read twice would run for ever; the numbers say so in the end.
      if (this.times[at] < 3) this.start(each.call);
    };
    switch (each.kind) {
      case 'getter':
        return {
          live: {
            enumerable: true,
            get: () => {
              code();
              return read();
            },
          },
          data,
        };
      case 'toBSON':
      case 'hidden toBSON': {
        const toBSON = (): unknown => {
          code();
          return { inner: read() };
        };
        const enumerable = each.kind === 'toBSON';
        const value = Object.defineProperty({ a: 1 }, 'toBSON', { value: toBSON, enumerable });
        return { live: property(value), data: { inner: data } };
      }
      case 'proxy': {
        const get = (on: object, key: string | symbol): unknown => {
          if (key !== 'inner') return Reflect.get(on, key) as unknown;
          code();
          return read();
        };
        return { live: property(new Proxy({ inner: 1 }, { get })), data: { inner: data } };
      }
      default: {
        const toString = (): string => {
          code();
          return 'source';
        };
        const value = [Object.defineProperty(() => 1, 'toString', { value: toString }), read()];
        return { live: property(value), data: [new Code('source'), data] };
      }
    }
  }
}

test('every call stores its arguments, whatever other calls start while it is encoded', async () => {
  const there = clients.native.db.collection('rows');
  await fc.assert(
    fc.asyncProperty(fc.array(plan, { minLength: 1, maxLength: 4 }), async (plans) => {
      await there.deleteMany({});
      const run = new Run();
      run.start({ way: 'insertMany', plans });
      run.start({ way: 'updateOne', plans });
      // What is pending may grow while it is awaited.
      for (let i = 0; i < run.pending.length; i++) await run.pending[i];
      const stored = await there.find({}, { sort: { _id: 1 }, raw: true }).toArray();
      const seen = (stored as unknown as Uint8Array[]).map((bytes) =>
        Buffer.from(bytes).toString('hex'),
      );
      const expected = run.expected
        .toSorted((a, b) => a._id - b._id)
        .map((document) => Buffer.from(BSON.serialize(document)).toString('hex'));
      expect(seen).toStrictEqual(expected);
      expect(run.times.every((times) => times === 1)).toBe(true);
    }),
    runs(60),
  );
});
