// More of what mongoose offers. It prints what it saw as JSON, so that two runs of it can be compared.
'use strict';
const mongoose = require('mongoose');
const { report, seen, stable } = require('./report.cjs');

const { Schema } = mongoose;

/** A plugin: every schema that has it stamps its documents and offers a query helper. */
function stamped(schema, { by }) {
  schema.add({ stampedBy: String });
  schema.pre('save', function () {
    this.stampedBy = by;
  });
  schema.query.stamped = function () {
    return this.where({ stampedBy: by });
  };
}

const eventSchema = new Schema({ at: Number }, { discriminatorKey: 'kind' });
eventSchema.plugin(stamped, { by: 'plugin' });
const placeSchema = new Schema({
  name: String,
  text: String,
  where: { type: { type: String, enum: ['Point'] }, coordinates: [Number] },
});
placeSchema.index({ where: '2dsphere' });
placeSchema.index({ text: 'text' });
const countedSchema = new Schema({ n: Number, key: { type: Number, unique: true } });

const outcome = async (work) => {
  try {
    return await work();
  } catch (error) {
    return [error.constructor.name, error.code, error.message.replace(/[0-9a-f]{24}/g, 'id')];
  }
};

async function main() {
  const { TEST_URI: uri, TEST_DB: dbName } = process.env;
  const connection = await mongoose.createConnection(uri, { dbName, maxPoolSize: 5 }).asPromise();
  const second = mongoose.createConnection(uri, { dbName: `${dbName}_2` });
  await second.asPromise();
  seen.connections = mongoose.connections.map(({ readyState }) => readyState);

  // Discriminators and plugins
  const Event = connection.model('Event', eventSchema);
  const Click = Event.discriminator('Click', new Schema({ button: String }));
  const Key = Event.discriminator('Key', new Schema({ code: Number }));
  await Click.create({ at: 1, button: 'left' });
  await Key.create(
    [
      { at: 2, code: 10 },
      { at: 3, code: 11 },
    ],
    { ordered: true },
  );
  seen.discriminated = (await Event.find().sort('at')).map((event) => [
    event.constructor.modelName,
    stable(event.toObject({ versionKey: false })),
  ]);
  seen.counted = [await Click.countDocuments(), await Key.countDocuments()];
  seen.stamped = await Event.find().stamped().countDocuments();

  // Indexes: text and geo
  const Place = connection.model('Place', placeSchema);
  await Place.init();
  seen.synced = await Place.syncIndexes();
  await Place.collection.createIndex({ name: 1 });
  seen.dropped = await Place.syncIndexes();
  const at = (...coordinates) => ({ type: 'Point', coordinates });
  await Place.insertMany([
    { name: 'a', text: 'old harbour', where: at(0, 0) },
    { name: 'b', text: 'new station', where: at(0, 1) },
  ]);
  seen.near = (
    await Place.find()
      .where('where')
      .near({ center: at(0, 0.9), maxDistance: 50_000 })
  ).map(({ name }) => name);
  seen.text = (await Place.find({ $text: { $search: 'harbour' } })).map(({ name }) => name);

  // Many writes
  const Counted = connection.model('Counted', countedSchema);
  await Counted.init();
  seen.unordered = await outcome(() =>
    Counted.insertMany([{ key: 1 }, { key: 1 }, { key: 2 }], { ordered: false }),
  );
  seen.rawResult = await Counted.insertMany([{ key: 3 }, { key: 3 }, { key: 4 }], {
    ordered: false,
    rawResult: true,
  }).then(
    ({ insertedCount, mongoose: { validationErrors, results } }) => [
      insertedCount,
      validationErrors.length,
      results.length,
    ],
    (error) => [error.constructor.name, error.code],
  );
  const documents = await Counted.find().sort('key');
  for (const document of documents) document.n = document.key * 10;
  const saved = await Counted.bulkSave([...documents, new Counted({ key: 9, n: 90 })]);
  seen.bulkSave = [saved.matchedCount, saved.modifiedCount, saved.insertedCount];
  seen.bulkWrite = await Counted.bulkWrite([
    { updateOne: { filter: { key: 9 }, update: { $inc: { n: 1 } } } },
    { deleteOne: { filter: { key: 1 } } },
  ]).then(({ modifiedCount, deletedCount }) => [modifiedCount, deletedCount]);

  // Cursors
  const parallel = [];
  await Counted.find()
    .sort('key')
    .cursor({ batchSize: 1 })
    .eachAsync(async ({ key }) => void parallel.push(key), { parallel: 3 });
  seen.parallel = parallel.sort();
  seen.batches = [];
  await Counted.find()
    .sort('key')
    .cursor()
    .eachAsync((batch) => void seen.batches.push(batch.length), { batchSize: 2 });
  seen.aggregated = [];
  for await (const row of Counted.aggregate([{ $sort: { key: 1 } }]).cursor({ batchSize: 1 })) {
    seen.aggregated.push(row.n);
  }
  seen.explained = Object.keys(await Counted.find({ key: 2 }).explain()).includes('queryPlanner');

  // Change streams
  const stream = Counted.watch([], { fullDocument: 'updateLookup', hydrate: true });
  const change = new Promise((resolve, reject) => {
    stream.once('change', resolve);
    stream.once('error', reject);
  });
  // Not 'ready': that comes a turn after the stream was made, when the server may not have opened it yet,
  // and a change from before that moment is never seen.
  await new Promise((resolve) => stream.once('resumeTokenChanged', resolve));
  await Counted.updateOne({ key: 2 }, { n: 21 });
  seen.change = await change.then(({ operationType, fullDocument }) => [
    operationType,
    fullDocument.n,
    fullDocument instanceof Counted,
  ]);
  await stream.close();

  // A transaction of a connection, and limits of queries
  seen.transaction = await outcome(() =>
    connection.transaction(async (session) => {
      await Counted.create([{ key: 50 }], { session });
      throw new Error('given up');
    }),
  );
  seen.rolledBack = await Counted.exists({ key: 50 });
  seen.maxTimeMS = await Counted.find().maxTimeMS(5_000).countDocuments();

  // Other databases on the same client, and connections that end
  const other = connection.useDb(`${dbName}_3`, { useCache: true });
  seen.useDb = [other.name, other.getClient() === connection.getClient()];
  await other.model('Note', new Schema({ text: String })).create({ text: 'there' });
  seen.notes = await other.model('Note').countDocuments();
  await Promise.all([other.dropDatabase(), second.dropDatabase()]);
  await second.close();
  seen.closed = [second.readyState, await Counted.countDocuments()];
  await connection.dropDatabase();
  await connection.close();
  seen.ended = connection.readyState;
}

void main().then(() => report());
