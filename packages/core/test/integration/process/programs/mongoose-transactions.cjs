// Transactions in every style that mongoose has, and in ours, on mongoose's models. It prints what it saw.
'use strict';
const mongoose = require('mongoose');
const { report, seen } = require('./report.cjs');

const schema = new mongoose.Schema(
  { name: { type: String, unique: true }, friends: [{ type: mongoose.ObjectId, ref: 'Person' }] },
  { timestamps: true },
);

async function main() {
  await mongoose.connect(process.env.TEST_URI, { dbName: process.env.TEST_DB });
  const { connection } = mongoose;
  const Person = mongoose.model('Person', schema);
  await Person.init();
  const [ann] = await Person.create([{ name: 'Ann' }]);

  /** What a unit of work does with models; `how` puts the session where it belongs. */
  const work = async (name, how = {}) => {
    const [person] = await Person.create([{ name, friends: [ann] }], how);
    person.name += '!';
    await person.save(how);
    await Person.updateOne({ _id: person._id }, { $set: { name } }, how);
    await Person.findOneAndUpdate({ _id: person._id }, { $addToSet: { friends: ann._id } }, how);
    const found = await Person.findOne({ name }, null, how).populate('friends');
    const all = [];
    for await (const { name: each } of Person.find({ name }, null, how).cursor()) all.push(each);
    const [{ n }] = await Person.aggregate([{ $match: { name } }, { $count: 'n' }], how);
    await Person.bulkWrite(
      [{ updateOne: { filter: { name }, update: { $inc: { __v: 1 } } } }],
      how,
    );
    await Person.insertMany([{ name: `${name}'s` }], how);
    await Person.deleteOne({ name: `${name}'s` }, how);
    return [found.friends[0].name, all, n, await Person.countDocuments({ name }, how)];
  };
  const stored = async (name) => await Person.countDocuments({ name });

  // By hand, with the option
  const session = await mongoose.startSession();
  session.startTransaction();
  seen.byHand = await work('By hand', { session });
  seen.outside = await Person.countDocuments({ name: 'By hand' }).session(null);
  await session.commitTransaction();
  session.startTransaction();
  await work('Given up', { session });
  await session.abortTransaction();
  await session.endSession();
  seen.byHand.push(await stored('By hand'), await stored('Given up'));

  // connection.transaction, with the option
  await connection.transaction(async (session) => {
    seen.connection = await work('Connection', { session });
  });
  seen.connection.push(await stored('Connection'));

  // What goes on beside it
  const beside = async () => {
    for (let i = 0; i < 5; i++) await Person.findOne({ name: 'Ann' });
  };
  await Promise.all([
    beside(),
    connection.transaction(async (session) => await work('Beside', { session })),
    beside(),
  ]);

  // Passed on by mongoose's AsyncLocalStorage
  mongoose.set('transactionAsyncLocalStorage', true);
  await connection.transaction(async () => {
    seen.storage = await work('Storage');
  });
  seen.storage.push(await stored('Storage'));
  mongoose.set('transactionAsyncLocalStorage', false);

  // Ours, where the client is ours: mongoose knows nothing of it
  const client = connection.getClient();
  if (client.transaction !== undefined) {
    await client.transaction(async () => {
      seen.ours = await work('Ours');
      seen.ours.push(await Person.countDocuments({ name: 'Ours' }).session(null));
    });
    seen.ours.push(await stored('Ours'));
    const failing = client.transaction(async () => {
      await work('Thrown');
      throw new Error('no');
    });
    seen.thrown = [await failing.catch(({ message }) => message), await stored('Thrown')];
  }

  if (process.argv.includes('forgetful')) {
    const forgetful = await mongoose.startSession();
    forgetful.startTransaction();
    await Person.create([{ name: 'Forgetful' }], { session: forgetful });
    await Person.countDocuments({ name: 'Forgetful' }); // line A
    await Person.find({ name: 'Forgetful' }).lean(); // line B
    await forgetful.endSession();
  }
  await connection.dropDatabase();
  await mongoose.disconnect();
}

void main().then(() => report());
