import { MongoClient } from 'mongodb';

import { uri } from '../../support/clients';
import { program } from '../../support/program';

// Applications may freeze the built-in prototypes (SES, hardened runtimes). Assignment cannot then set a key whose
// inherited property is read-only, and documents may have such keys. (bson's own decoder assigns, so in such a process
// neither driver can read these keys.)

const KEYS = [
  'constructor',
  'toString',
  'valueOf',
  '__proto__',
  'hasOwnProperty',
  'isPrototypeOf',
  'length',
  'map',
];
const COUNT = 40;

const body = `
  for (const built of [Object, Array, Function, String, Number, Boolean, Date, RegExp, Map, Set, Promise, Error, Uint8Array, Buffer, Symbol, BigInt]) {
    Object.freeze(built.prototype);
    Object.freeze(built);
  }
  const client = new MongoClient(uri);
  const rows = client.db(process.env.FROZEN_DB).collection('rows');
  const define = (object, key, value) =>
    Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
  const keys = ${JSON.stringify(KEYS)};
  const document = (_id) => {
    const all = { _id };
    for (const key of keys) define(all, key, key + _id);
    return define(all, 'inner', [define(define({}, 'constructor', _id), 'toString', null)]);
  };
  const list = Array.from({ length: ${COUNT} }, (_, _id) => document(_id));
  await rows.insertMany(list.slice(0, 10));
  await rows.bulkWrite(list.slice(10, 20).map((document) => ({ insertOne: { document } })));
  const bulk = rows.initializeOrderedBulkOp();
  for (const each of list.slice(20, 30)) bulk.find({ _id: each._id }).upsert().replaceOne(each);
  await bulk.execute();
  for (const each of list.slice(30)) await rows.updateOne({ _id: each._id }, { $set: each }, { upsert: true });
  const duplicate = await rows.insertMany([document(1)]).catch((error) => error);
  const read = await rows.find({}, { projection: { _id: 1 } }).toArray();
  const named = await rows.findOne({ constructor: 'constructor3' }, { projection: { _id: 1, length: 1 } });
  await client.close();
  console.log(duplicate.code, duplicate.writeErrors.length, read.length, JSON.stringify(named));
`;

const byKey = ([a]: unknown[], [b]: unknown[]): number => (String(a) < String(b) ? -1 : 1);

test('documents with keys of built-in properties are written under frozen prototypes', async () => {
  const dbName = `frozen_${process.pid}`;
  const client = new MongoClient(uri());
  try {
    const printed = await program(body, { env: { FROZEN_DB: dbName } });
    expect(printed).toBe(`11000 1 ${COUNT} {"_id":3,"length":"length3"}\n`);
    const stored = await client
      .db(dbName)
      .collection('rows')
      .find({}, { sort: { _id: 1 } })
      .toArray();
    expect(stored).toHaveLength(COUNT);
    stored.forEach((document, _id) => {
      // The server sorts the keys of an upsert.
      expect(Object.entries(document).toSorted(byKey)).toStrictEqual(
        [
          ['_id', _id],
          ...KEYS.map((key) => [key, `${key}${_id}`]),
          ['inner', [{ constructor: _id, toString: null }]],
        ].toSorted(byKey),
      );
    });
  } finally {
    await client.db(dbName).dropDatabase();
    await client.close();
  }
});
