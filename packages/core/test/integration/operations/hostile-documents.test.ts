import type * as native from 'mongodb';
import type { Document } from 'mongodb';

import {
  assertSame,
  assertSameOutcome,
  document,
  element,
  int32,
  text,
  type Outcome,
} from '../../support/bson';
import { openClients, type Clients } from '../../support/clients';
import { insertRaw } from '../../support/raw-insert';

/*
 * What is in a server is whoever's who could write to it. The main thread makes code for the shapes of
 * documents: no key and no value of one may come to more in it than a key and a value.
 */

const KEYS: readonly (readonly [what: string, key: string | Buffer])[] = [
  ['the prototype', '__proto__'],
  ['the constructor', 'constructor'],
  ['a method of every object’s', 'toString'],
  ['what makes a thenable', 'then'],
  ['an end of the property', '"];process.exit()//'],
  ['an end of the object', '"};globalThis.polluted=1;({"'],
  ['an end with apostrophes', "'];globalThis.polluted=1;//"],
  ['backticks', '`;globalThis.polluted=1;`'],
  ['a template', '${globalThis.polluted=1}'],
  ['a line feed', 'a\nglobalThis.polluted=1//'],
  ['a carriage return', 'a\r\nglobalThis.polluted=1//'],
  ['a line separator', 'a\u2028globalThis.polluted=1//\u2029'],
  ['an end of a comment', '*/globalThis.polluted=1/*'],
  ['a backslash before the end', 'a\\'],
  ['an escape', '\\u0022];globalThis.polluted=1//'],
  ['a lone surrogate', Buffer.from('61eda08062', 'hex')],
  ['bytes that are no UTF-8', Buffer.from('61fffe62', 'hex')],
];

/** As many of one shape as it takes until it is read by code of its own, and some more. */
const DOCUMENTS = 40;

let clients: Clients;

beforeAll(() => {
  clients = openClients({ offload: { workers: 1 } });
});
afterAll(async () => await clients.close());

/** All that hangs on what every object of the program inherits from. */
function surroundings(): unknown[] {
  return [Object, Array, Function, String, Number, Boolean, Promise, RegExp, Date, Map].map(
    (known) => [
      known.name,
      Reflect.ownKeys(known.prototype as object).map((name) => [
        name,
        Object.getOwnPropertyDescriptor(known.prototype, name),
      ]),
    ],
  );
}

let before: unknown[];
beforeEach(() => {
  before = surroundings();
});
afterEach(async () => {
  expect(surroundings()).toStrictEqual(before);
  expect((globalThis as { polluted?: unknown }).polluted).toBeUndefined();
  const { workers } = await clients.ours.client.offload.stats();
  expect(workers.map(({ restarts }) => restarts)).toStrictEqual([0]);
});

const number = (key: string | Buffer, value: number): Buffer => element(0x10, key, int32(value));
const string = (key: string | Buffer, value: string | Buffer): Buffer =>
  element(2, key, text(value));
const nested = (key: string | Buffer, ...fields: Buffer[]): Buffer =>
  element(3, key, document(...fields));
const list = (key: string | Buffer, ...items: Buffer[]): Buffer =>
  element(4, key, document(...items.map((item, i) => element(3, String(i), item))));

/** The key in each place in which one can stand, with itself as a value. */
function hostile(key: string | Buffer, id: number): Buffer {
  return document(
    number('_id', id),
    number(key, id),
    nested(
      'nested',
      string('first', key),
      number(key, 1),
      nested('deeper', nested(key, number(key, 2))),
    ),
    // As large as fields are that may be left for when they are touched.
    nested('large', string(key, 'x'.repeat(1_500)), nested('inner', number(key, 1))),
    list('list', document(string(key, 'one')), document(number('other', 3), string(key, key))),
    nested(
      'object',
      nested(key, nested('prototype', number('polluted', 1)), number('polluted', 1)),
    ),
  );
}

async function outcome(read: () => Promise<Document[]>): Promise<Outcome> {
  try {
    return { value: await read() };
  } catch (error) {
    const { name, message } = error as Error;
    return { error: `${name}: ${message}` };
  }
}

const sort = { _id: 1 } as const;

/** Each way of reading, by either driver. */
const READS: Record<
  string,
  (side: { db: Clients['native']['db'] }, name: string) => Promise<Document[]>
> = {
  toArray: async ({ db }, name) => await db.collection(name).find({}, { sort }).toArray(),
  'for await': async ({ db }, name) => {
    const documents: Document[] = [];
    for await (const one of db.collection(name).find({}, { sort, batchSize: 7 }))
      documents.push(one);
    return documents;
  },
  findOne: async ({ db }, name) => {
    const documents: Document[] = [];
    for (let _id = 0; _id < DOCUMENTS; _id++) {
      documents.push((await db.collection<{ _id: number }>(name).findOne({ _id }))!);
    }
    return documents;
  },
  aggregate: async ({ db }, name) =>
    await db
      .collection(name)
      .aggregate([{ $sort: sort }, { $replaceWith: { root: '$$ROOT' } }])
      .toArray(),
  distinct: async ({ db }, name) => (await db.collection(name).distinct('object')) as Document[],
  'findOneAndUpdate, which gives what it found': async ({ db }, name) => [
    (await db.collection(name).findOneAndUpdate({}, [{ $set: { _id: '$_id' } }], { sort }))!,
  ],
  'a command': async ({ db }, name) => {
    const { cursor } = await db.command({ find: name, sort, batchSize: DOCUMENTS });
    return (cursor as { firstBatch: Document[] }).firstBatch;
  },
  lazily: async ({ db }, name) =>
    await db
      .collection(name)
      .find({}, { sort, lazy: true } as native.FindOptions)
      .toArray(),
  'without validation': async ({ db }, name) =>
    await db.collection(name).find({}, { sort, enableUtf8Validation: false }).toArray(),
  'with promoted buffers': async ({ db }, name) =>
    await db
      .collection(name)
      .find({}, { sort, promoteBuffers: true, promoteLongs: false })
      .toArray(),
};

describe.each(KEYS)('keys that hold %s', (what, key) => {
  const name = `hostile ${what}`;
  beforeAll(async () => {
    const documents = Array.from({ length: DOCUMENTS }, (_, id) => hostile(key, id));
    await insertRaw(clients.dbName, name, documents);
  });

  test.each(Object.keys(READS))('%s', async (way) => {
    const read = READS[way];
    const [ours, theirs] = [
      await outcome(async () => await read(clients.ours, name)),
      await outcome(async () => await read(clients.native, name)),
    ];
    assertSameOutcome(ours, theirs);
    if (what.includes('surrogate') || what.includes('UTF-8')) return;
    // Not vacuous: the documents were read.
    expect((theirs as { value: Document[] }).value.length).toBeGreaterThan(0);
  });
});

test('what a program inserts under such keys arrives as they are, and comes back', async () => {
  const name = 'inserted';
  const make = (id: number): Document => {
    const own = Object.create(null) as Document;
    own._id = id;
    for (const [, key] of KEYS) {
      if (typeof key === 'string') {
        Object.defineProperty(own, key, { value: { [`x${key}`]: id }, enumerable: true });
      }
    }
    return own;
  };
  const documents = Array.from({ length: DOCUMENTS }, (_, id) => make(id));
  await clients.ours.db.collection(name).insertMany(documents);
  const theirs = await clients.native.db.collection(name).find({}, { sort }).toArray();
  expect(Object.keys(theirs[0]).length).toBe(
    1 + KEYS.filter(([, key]) => typeof key === 'string').length,
  );
  assertSame(await clients.ours.db.collection(name).find({}, { sort }).toArray(), theirs);
});

describe.each(KEYS.filter(([, key]) => typeof key === 'string') as [string, string][])(
  'where a program gets %s otherwise',
  (what, key) => {
    test('in an aggregation’s own documents', async () => {
      const { ours, native } = clients;
      const pipeline = [
        { $documents: Array.from({ length: DOCUMENTS }, (_, i) => ({ i })) },
        {
          $replaceWith: {
            $setField: { field: { $literal: key }, input: '$$ROOT', value: { $literal: key } },
          },
        },
      ];
      const theirs = await native.db.aggregate(pipeline).toArray();
      expect(Object.keys(theirs[0])).toContain(key);
      assertSame(await ours.db.aggregate(pipeline).toArray(), theirs);
    });

    test('in an error', async () => {
      const name = `refused ${what}`;
      const validator = {
        $jsonSchema: { properties: { _id: {} }, additionalProperties: false },
      };
      await clients.native.db.createCollection(name, { validator });
      const document = Object.defineProperty({ _id: 1 }, key, { value: 1, enumerable: true });
      const [ours, theirs] = (await Promise.all(
        [clients.ours, clients.native].map(
          async ({ db }) =>
            await db
              .collection<{ _id: number }>(name)
              .insertOne(document)
              .catch((thrown: unknown) => thrown),
        ),
      )) as Document[];
      expect(theirs.code).toBe(121);
      expect(ours.constructor).toBe(theirs.constructor);
      assertSame(ours.errInfo, theirs.errInfo);
      assertSame(ours.writeErrors, theirs.writeErrors);
    });

    test('in a change', async () => {
      const { db } = clients.ours;
      const name = `changed ${what}`;
      await using stream = db.collection(name).watch();
      const next = stream.next();
      await db.collection<{ _id: number }>(name).insertOne(
        Object.defineProperty({ _id: 1 }, key, {
          value: { [`x${key}`]: key },
          enumerable: true,
        }),
      );
      const { fullDocument } = (await next) as { fullDocument: Document };
      assertSame(fullDocument, await clients.native.db.collection(name).findOne());
    });
  },
);
