import { program } from '../../support/program';

/*
 * All clients of a process share its workers and their stack size, so each case runs in its own process. It compares
 * with the driver's results, and ends with the number of workers that died.
 */

/** The deepest document that the server stores and returns. */
const DEEPEST = 178;

const HELPERS = `
  const assert = require('node:assert');
  const native = require('mongodb');
  const wide = (keys) => Object.fromEntries(Array.from({ length: keys }, (_, at) => ['key' + at, at]));
  const deep = (levels, leaf, array = false) => {
    let document = leaf;
    for (let level = 0; level < levels; level++) document = array ? { a: [document] } : { a: document };
    return document;
  };
  const nameOf = (call) => call.then(() => 'none', (error) => error.name);
  const open = (Client, options) => new Client(uri, options).db('wide_documents_' + process.pid);
  const run = async (offload, body) => {
    const ours = open(MongoClient, { offload: { workers: 1, ...offload } });
    const theirs = open(native.MongoClient, {});
    await body(ours, theirs);
    const { workers } = await ours.client.offload.stats();
    await theirs.dropDatabase();
    await Promise.all([ours.client.close(), theirs.client.close()]);
    console.log('restarts', ...workers.map(({ restarts }) => restarts));
  };`;

const STACKS = [
  ['with the default stack', 45_000, {}],
  ['with a stack of 1 MB', 12_000, { resourceLimits: { stackSizeMb: 1 } }],
] as const;

const SHAPES = [
  ['wide', '(keys) => wide(keys)'],
  ['wide inside', '(keys) => ({ inside: wide(keys / 4), after: 1 })'],
  ['wide in an array', '(keys) => ({ list: [wide(keys / 4), { list: [wide(10)] }], after: 1 })'],
  ['deep', `() => deep(${DEEPEST}, wide(20))`],
  ['deep in arrays', `() => deep(${DEEPEST / 2 - 1}, wide(20), true)`],
] as const;

describe.each(STACKS)('a worker %s', (_, keys, offload) => {
  it('survives documents that are wide or deep, and ever-new keys after them', async () => {
    const cases = SHAPES.map(([name, make]) => `[${JSON.stringify(name)}, ${make}]`).join();
    const printed = await program(
      `${HELPERS}
      await run(${JSON.stringify(offload)}, async (ours, theirs) => {
        const fresh = theirs.collection('fresh');
        await fresh.insertMany(Array.from({ length: 2_500 }, (_, _id) => ({ _id, ['new' + _id]: _id })));
        for (const [name, make] of [${cases}]) {
          const collection = ours.collection(name);
          const document = { _id: 1, ...make(${keys}) };
          await collection.insertOne(document);
          for (const options of [{}, { offload: { lazy: true } }]) {
            const find = { _id: 1 };
            for (let round = 0; round < 2; round++) {
              assert.deepEqual(await collection.findOne(find, options), document);
              assert.deepEqual(await collection.find(find, options).toArray(), [document]);
            }
            const found = await ours.collection('fresh').find({}, options).toArray();
            assert.equal(found.length, 2_500);
            for (let _id = 0; _id < 50; _id++) await ours.collection('fresh').findOne({ _id }, options);
            assert.deepEqual(await collection.findOne(find, options), document);
          }
          await collection.replaceOne({ _id: 1 }, { ...make(${keys}), replaced: true });
          assert.deepEqual(await theirs.collection(name).findOne({}), { ...document, replaced: true });
        }
      });`,
    );
    expect(printed).toBe('restarts 0\n');
  });

  it('rejects arguments that are too deep as the driver does, and nothing else', async () => {
    const printed = await program(
      `${HELPERS}
      await run(${JSON.stringify(offload)}, async (ours, theirs) => {
        const calls = {
          insertOne: (on, document) => on.insertOne({ document }),
          insertMany: (on, document) => on.insertMany([{ document }]),
          findOne: (on, document) => on.findOne({ document }),
          updateOne: (on, document) => on.updateOne({ _id: 1 }, { $set: { document } }),
          bulkWrite: (on, document) => on.bulkWrite([{ insertOne: { document: { document } } }]),
          aggregate: (on, document) => on.aggregate([{ $match: document }]).toArray(),
          command: (on, document) => on.client.db('x').command({ ping: 1, comment: document }),
        };
        for (const levels of [300, 20_000]) {
          const document = deep(levels, { leaf: 1 });
          for (const [name, call] of Object.entries(calls)) {
            const beside = ours.collection('beside').insertOne({ name });
            const given = await nameOf(call(ours.collection('deep'), document));
            const expected = await nameOf(call(theirs.collection('deep'), document));
            assert.equal(given, expected, name + ' ' + levels);
            assert.equal((await beside).acknowledged, true);
          }
        }
      });`,
    );
    expect(printed).toBe('restarts 0\n');
  });
});
