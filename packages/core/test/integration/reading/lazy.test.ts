import {
  MongoClient,
  OffloadOptionError,
  type Document,
  type ReadingOptions,
} from '@mongo-offload/core';

import { openClients, uri, type Clients } from '../../support/clients';
import { program } from '../../support/program';

interface Order {
  _id: number;
  at: Date;
  lines: { sku: string; count: number; note: string }[];
  total: number;
}

const LAZY = { offload: { lazy: true } };

let clients: Clients;
let expected: Document[];

beforeAll(async () => {
  clients = openClients();
  const orders = clients.native.db.collection<Order>('orders');
  await orders.insertMany(
    Array.from({ length: 2_000 }, (_, _id) => ({
      _id,
      at: new Date(1_700_000_000_000 + _id),
      lines: Array.from({ length: 30 }, (_, at) => ({
        sku: `sku ${_id} ${at}`,
        count: at,
        note: at % 3 === 0 ? 'plain words' : `語 ${at}`,
      })),
      total: _id / 4,
    })),
  );
  expected = await orders.find().sort({ _id: 1 }).toArray();
});
afterAll(async () => await clients.close());

function isLazy(document: object): boolean {
  return Object.getOwnPropertyDescriptor(document, 'lines')?.get !== undefined;
}

describe('lazy', () => {
  it('gives the same documents, however they are read', async () => {
    const orders = clients.ours.db.collection('orders');
    const find = () => orders.find({}, LAZY).sort({ _id: 1 });
    const byToArray = await find().toArray();
    expect(byToArray.filter(isLazy).length).toBeGreaterThan(1_900);
    expect(byToArray).toEqual(expected);

    const byIteration: Document[] = [];
    for await (const document of find()) byIteration.push(document);
    expect(byIteration.every(isLazy)).toBe(true);
    expect(byIteration).toEqual(expected);

    const byBatches: Document[] = [];
    for await (const documents of find().batches()) byBatches.push(...documents);
    expect(byBatches).toEqual(expected);

    const byNext = find();
    expect(await byNext.next()).toEqual(expected[0]);
    await byNext.close();

    const aggregated = await orders.aggregate([{ $sort: { _id: 1 } }], LAZY).toArray();
    expect(aggregated.some(isLazy)).toBe(true);
    expect(aggregated).toEqual(expected);
  });

  it('of one document as well, beside others that are not', async () => {
    const orders = clients.ours.db.collection<Order>('orders');
    const found = await Promise.all(
      Array.from({ length: 60 }, async (_, _id) => [
        await orders.findOne({ _id }, LAZY),
        await orders.findOne({ _id }),
      ]),
    );
    found.forEach(([lazy, plain], _id) => {
      expect(isLazy(plain!)).toBe(false);
      expect(lazy).toEqual(expected[_id]);
      expect(plain).toEqual(expected[_id]);
    });
    expect(found.slice(30).every(([lazy]) => isLazy(lazy!))).toBe(true);
  });

  it('of a client holds for all its queries, and one may do without', async () => {
    const client = new MongoClient(uri(), LAZY);
    try {
      const orders = client.db(clients.dbName).collection('orders');
      expect((await orders.find().toArray()).some(isLazy)).toBe(true);
      const eager = await orders.find({}, { offload: { lazy: false } }).toArray();
      expect(eager.some(isLazy)).toBe(false);
    } finally {
      await client.close();
    }
  });

  it('documents can be changed and written back', async () => {
    const orders = clients.ours.db.collection<Order>('orders');
    const copies = clients.ours.db.collection<Order>('copies');
    const some = await orders
      .find({}, { ...LAZY, limit: 500 })
      .sort({ _id: 1 })
      .toArray();
    some[3].lines = [];
    some[4].lines.length = 1;
    await copies.insertMany(some);
    const written = await clients.native.db.collection('copies').find().sort({ _id: 1 }).toArray();
    expect(written).toEqual(
      expected.slice(0, 500).map((document, at) => ({
        ...document,
        ...(at === 3
          ? { lines: [] }
          : at === 4
            ? { lines: [(document.lines as unknown[])[0]] }
            : {}),
      })),
    );
  });

  it('holds under the driver’s own options, and gives way to raw', async () => {
    const orders = clients.ours.db.collection('orders');
    const native = clients.native.db.collection('orders');
    for (const options of [{ promoteValues: false }, { promoteLongs: false }, { raw: true }]) {
      const sorted = { ...options, sort: { _id: 1 } } as const;
      expect(await orders.find({}, { ...LAZY, ...sorted }).toArray()).toEqual(
        await native.find({}, sorted).toArray(),
      );
    }
  });

  it('keeps what was not read out of the heap', async () => {
    const kept = async (options: object): Promise<number> =>
      Number(
        await program(
          `const client = new MongoClient(uri);
          const orders = client.db(${JSON.stringify(clients.dbName)}).collection('orders');
          const heap = async () => {
            for (let i = 0; i < 3; i++) { await new Promise(setImmediate); gc(); }
            return process.memoryUsage().heapUsed;
          };
          await orders.find({}, ${JSON.stringify(options)}).toArray();
          const before = await heap();
          const documents = await orders.find({}, ${JSON.stringify(options)}).toArray();
          console.log(((await heap()) - before) / documents.length);
          await client.close();`,
          { flags: ['--expose-gc'] },
        ),
      );
    expect(await kept(LAZY)).toBeLessThan((await kept({})) / 5);
  });

  it.each([{ lazy: 1 }, { lazy: 'yes' }, { lazy: null }])('%j is refused', async (wrong) => {
    const options = { offload: wrong as unknown as ReadingOptions };
    const orders = clients.ours.db.collection('orders');
    expect(() => orders.find({}, options)).toThrow(OffloadOptionError);
    await expect(orders.findOne({}, options)).rejects.toThrow(OffloadOptionError);
  });
});
