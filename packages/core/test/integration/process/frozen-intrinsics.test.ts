import { program } from '../../support/program';

// Errors, cursors, sessions and warnings, each of which touches Error or a prototype of the language.
const everything = `
  const client = new MongoClient(uri, { monitorCommands: true });
  client.on('commandStarted', () => undefined);
  const things = client.db('frozen_' + process.pid).collection('things');
  const seen = {};
  await things.insertMany([{ _id: 1 }, { _id: 2, list: [1, { b: new Date() }] }]);
  seen.found = (await things.find().toArray()).length;
  for await (const { _id } of things.find().batchSize(1)) seen.last = _id;
  seen.duplicate = await things.insertOne({ _id: 1 }).catch(({ code }) => code);
  const session = client.startSession();
  session.startTransaction();
  await things.insertOne({ _id: 3 }, { session });
  seen.outside = await things.findOne({ _id: 3 });
  await session.commitTransaction();
  session.startTransaction();
  await things.insertOne({ _id: 4 }, { session });
  await session.abortTransaction();
  await session.endSession();
  await client.transaction(() => things.insertOne({ _id: 5 }));
  await client.withSession((session) =>
    session.withTransaction(() =>
      Promise.all([6, 7].map((_id) => things.insertOne({ _id }, { session }))),
    ),
  );
  seen.count = await things.countDocuments();
  seen.late = await things
    .findOne({ $where: 'sleep(2000) || true' }, { deadlineMS: 50 })
    .catch(({ name }) => name);
  await client.db('frozen_' + process.pid).dropDatabase();
  await client.close();
  console.log(JSON.stringify(seen));`;

const expected = {
  found: 2,
  last: 2,
  duplicate: 11000,
  outside: null,
  count: 6,
  late: 'DeadlineExceededError',
};

test.each<[what: string, flags: string[], before: string]>([
  ['--frozen-intrinsics', ['--frozen-intrinsics'], ''],
  [
    'a frozen Error and Error.prototype',
    [],
    'Object.freeze(Error); Object.freeze(Error.prototype);',
  ],
  ['a frozen Object.prototype', [], 'Object.freeze(Object.prototype);'],
  ['--disable-proto=throw', ['--disable-proto=throw'], ''],
  ['--disallow-code-generation-from-strings', ['--disallow-code-generation-from-strings'], ''],
])('all kinds of operations work with %s', async (_, flags, before) => {
  const out = await program(before + everything, { flags });
  expect(JSON.parse(out)).toStrictEqual(expected);
});
