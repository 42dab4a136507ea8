import { program } from '../support/program';

const hook = require.resolve('../support/crash/other-driver.cjs');

/** Runs a program whose workers have a driver without these private parts. */
async function withoutParts(missing: readonly string[], body: string): Promise<unknown> {
  const out = await program(body, {
    env: { NODE_OPTIONS: `--require ${hook}`, MISSING: missing.join(' ') },
  });
  return JSON.parse(out);
}

test('names every missing part that is required in one error when a worker starts', async () => {
  const error = await withoutParts(
    ['mongodb:AbstractCursor:fetchBatch', 'mongodb/lib/sessions:ServerSession'],
    `const client = new MongoClient(uri, { offload: { workers: 1 } });
     const { name, cause } = await client.db('d').collection('c').findOne().catch((error) => error);
     await client.close();
     console.log(JSON.stringify({ name, cause: cause?.message }));`,
  );
  expect(error).toEqual({
    name: 'WorkerLostError',
    cause:
      '@mongo-offload/worker does not know this version of the package mongodb. It lacks ' +
      'AbstractCursor.prototype.fetchBatch, mongodb/lib/sessions.ServerSession. ' +
      'Install mongodb 7.9, or a newer @mongo-offload/worker.',
  });
});

test('works without the optional parts', async () => {
  const result = await withoutParts(
    [
      'mongodb/lib/cmap/wire_protocol/responses:MongoDBResponse:toBytes',
      'mongodb/lib/cmap/connection:SizedMessageTransform',
      'mongodb/lib/sdam/server:Server:decorateCommandError',
      'mongodb/lib/sdam/server:Server:handleError',
      'mongodb/lib/sdam/monitor:Monitor:reset',
      'mongodb/lib/bulk/common:Batch',
    ],
    `const client = new MongoClient(uri, { offload: { workers: 1 } });
     const collection = client.db('other_driver').collection('c');
     await collection.deleteMany({});
     await collection.insertOne({ _id: 1, a: 'b' });
     const found = await collection.find().toArray();
     const values = await collection.distinct('a');
     await client.close();
     console.log(JSON.stringify({ found, values }));`,
  );
  expect(result).toEqual({ found: [{ _id: 1, a: 'b' }], values: ['b'] });
});
