import { MongoClient, OffloadOptionError, type ReadingOptions } from '@mongo-offload/core';

import { openClients, uri, type Clients } from '../../support/clients';
import { program } from '../../support/program';

let clients: Clients;

beforeAll(async () => {
  clients = openClients();
  await clients.native.db.collection<{ _id: number }>('texts').insertMany(
    Array.from({ length: 6_000 }, (_, _id) => ({
      _id,
      text: `${_id} is the number of this document, `.repeat(12),
      wide: `文書 ${_id} の番号はこれです。`.repeat(3),
    })),
  );
});
afterAll(async () => await clients.close());

/** What one document of every forty keeps of the heap, in KB a document. */
async function kept(clientOptions: object, options: object): Promise<number> {
  const output = await program(
    `const client = new MongoClient(uri, ${JSON.stringify(clientOptions)});
    const texts = client.db(${JSON.stringify(clients.dbName)}).collection('texts');
    const read = async () => {
      const documents = [];
      let at = 0;
      for await (const document of texts.find({}, ${JSON.stringify(options)})) {
        if (at++ % 40 === 0) documents.push(document);
      }
      return documents;
    };
    const heap = async () => {
      for (let i = 0; i < 3; i++) { await new Promise(setImmediate); gc(); }
      return process.memoryUsage().heapUsed;
    };
    await read();
    const before = await heap();
    const documents = await read();
    const after = await heap();
    console.log((after - before) / documents.length / 1024);
    if (!documents.every(({ _id, text }) => text.startsWith(_id + ' is'))) throw new Error('wrong');
    await client.close();`,
    { flags: ['--expose-gc'] },
  );
  return Number(output);
}

describe('flatStrings', () => {
  it('lets go of what a kept document was cut from, for a client and for one query', async () => {
    const sliced = await kept({}, {});
    const ofClient = await kept({ offload: { flatStrings: true } }, {});
    const ofQuery = await kept({}, { offload: { flatStrings: true } });
    expect(sliced).toBeGreaterThan(10);
    expect(ofClient).toBeLessThan(4);
    expect(ofQuery).toBeLessThan(4);
  });

  it('of a query goes before the one of its client', async () => {
    const offload = { flatStrings: true };
    expect(await kept({ offload }, { offload: { flatStrings: false } })).toBeGreaterThan(10);
  });

  it('changes no value, however it is read', async () => {
    const texts = clients.ours.db.collection('texts');
    const expected = await clients.native.db.collection('texts').find().toArray();
    const options = { offload: { flatStrings: true } };
    expect(await texts.find({}, options).toArray()).toEqual(expected);
    expect(await texts.aggregate([{ $match: {} }], options).toArray()).toEqual(expected);
    expect(await texts.findOne({}, options)).toEqual(expected[0]);
  });

  it('is an option of ours: the server is not told of it', async () => {
    const options = { offload: { flatStrings: true } };
    const made = await clients.ours.db.createCollection('made', options);
    expect(await made.createIndex({ a: 1 }, options)).toBe('a_1');
  });

  it.each([{ flatStrings: 'yes' }, { flatStrings: 1 }, { workers: 2 }, 'flatStrings', true])(
    'a query with offload: %j is refused at once',
    async (wrong) => {
      const texts = clients.ours.db.collection('texts');
      const options = { offload: wrong as unknown as ReadingOptions };
      expect(() => texts.find({}, options)).toThrow(OffloadOptionError);
      expect(() => texts.aggregate([], options)).toThrow(OffloadOptionError);
      await expect(texts.findOne({}, options)).rejects.toThrow(OffloadOptionError);
    },
  );

  it('a client with a wrong value is refused', () => {
    const offload = { flatStrings: 'yes' } as unknown as ReadingOptions;
    expect(() => new MongoClient(uri(), { offload })).toThrow(
      new OffloadOptionError('offload.flatStrings must be true or false, not "yes".'),
    );
  });
});
