// A program on mongoose. It prints what it saw as JSON, so that two runs of it can be compared.
'use strict';
const mongoose = require('mongoose');
const { report, seen, stable } = require('./report.cjs');

const { Schema } = mongoose;

const authorSchema = new Schema({
  name: { type: String, required: true, unique: true },
  born: Date,
});
const bookSchema = new Schema(
  {
    title: String,
    pages: { type: Number, min: 1 },
    price: mongoose.Types.Decimal128,
    isbn: BigInt,
    cover: Buffer,
    uuid: Schema.Types.UUID,
    ratings: { type: Map, of: Number },
    author: { type: Schema.Types.ObjectId, ref: 'Author' },
    chapters: [{ title: String, pages: Number }],
  },
  { timestamps: true, optimisticConcurrency: true },
);
bookSchema.index({ title: 'text' });
bookSchema.virtual('long').get(function () {
  return this.pages > 300;
});
bookSchema.pre('save', function () {
  this.$locals.hook = true;
});
authorSchema.virtual('books', { ref: 'Book', localField: '_id', foreignField: 'author' });

async function main() {
  mongoose.set('transactionAsyncLocalStorage', true);
  await mongoose.connect(process.env.TEST_URI, { dbName: process.env.TEST_DB, maxPoolSize: 5 });
  const { connection } = mongoose;
  seen.state = [connection.readyState, connection.name, connection.getClient().constructor.name];

  const Author = mongoose.model('Author', authorSchema);
  const Book = mongoose.model('Book', bookSchema);
  await Promise.all([Author.init(), Book.init()]);
  seen.indexes = (await Book.collection.indexes()).map(({ name }) => name).sort();

  // Models
  const ann = await Author.create({ name: 'Ann', born: new Date(0) });
  const book = await new Book({
    title: 'One and two',
    pages: 400,
    price: '9.99',
    isbn: 9783161484100n,
    cover: Buffer.from([1, 2, 3]),
    uuid: '7b3f1d52-8c1e-4f6a-9d2b-3e4f5a6b7c8d',
    ratings: { ann: 5 },
    author: ann,
    chapters: [{ title: 'a', pages: 1 }],
  }).save();
  seen.saved = [book.long, book.isNew, book.$locals.hook, book.__v];
  await Book.insertMany([
    { title: 'Three', pages: 100, author: ann },
    { title: 'Four', pages: 200 },
  ]);
  seen.found = stable(
    await Book.find({ pages: { $gte: 200 } })
      .sort('title')
      .lean(),
  );
  seen.hydrated = stable(
    (await Book.findOne({ title: 'One and two' })).toObject({ flattenMaps: true }),
  );
  seen.types = await Book.findOne({ title: 'One and two' }).then((found) => [
    found.price.constructor.name,
    found.cover.constructor.name,
    found._id instanceof mongoose.Types.ObjectId,
    found.ratings instanceof Map,
    typeof found.isbn,
    found.createdAt instanceof Date,
  ]);

  // Queries, cursors, aggregation, population
  seen.populated = (await Book.find().populate('author').sort('title')).map(
    (found) => found.author?.name ?? null,
  );
  seen.virtual = (await Author.findOne().populate('books')).books.map(({ title }) => title).sort();
  seen.counts = [
    await Book.countDocuments(),
    await Book.estimatedDocumentCount(),
    await Book.exists({ pages: 1 }),
  ];
  seen.distinct = (await Book.distinct('title')).sort();
  seen.cursor = [];
  for await (const found of Book.find().sort('pages').cursor({ batchSize: 1 }))
    seen.cursor.push(found.title);
  seen.eachAsync = [];
  await Book.find()
    .sort('pages')
    .cursor()
    .eachAsync((found) => void seen.eachAsync.push(found.pages), { parallel: 2 });
  seen.aggregate = await Book.aggregate([{ $group: { _id: null, pages: { $sum: '$pages' } } }]);
  seen.explain = typeof (await Book.find().explain());
  seen.text = (await Book.find({ $text: { $search: 'three' } })).map(({ title }) => title);

  // Updates and their failures
  book.chapters.push({ title: 'b', pages: 2 });
  book.ratings.set('bob', 3);
  await book.save();
  seen.updated = [
    book.__v,
    stable(await Book.updateMany({}, { $inc: { pages: 1 } })),
    stable(
      await Book.findOneAndUpdate(
        { title: 'Four' },
        { pages: 5 },
        { returnDocument: 'after', lean: true },
      ),
    ),
    stable(
      await Book.bulkWrite([
        { updateOne: { filter: { title: 'Three' }, update: { pages: 7 } } },
        { insertOne: { document: { title: 'Five' } } },
      ]).then(({ result }) => [result?.nModified, result?.nInserted]),
    ),
    stable(await Book.deleteOne({ title: 'Five' })),
  ];
  const failed = async (promise) =>
    await promise.then(
      () => 'nothing',
      (error) => [
        error.constructor.name,
        error.name,
        error.code,
        error.message.replace(/index: \S+/, ''),
        stable(error.keyValue),
        error instanceof mongoose.mongo.MongoServerError,
      ],
    );
  seen.duplicate = await failed(Author.create({ name: 'Ann' }));
  seen.invalid = await failed(Author.create({}));
  seen.cast = await failed(Book.find({ pages: 'many' }).exec());
  seen.operator = await failed(Book.collection.findOne({ $nonsense: 1 }));
  const stale = await Book.findById(book._id);
  await Book.updateOne({ _id: book._id }, { $inc: { __v: 1 } });
  stale.title = 'stale';
  seen.version = (await failed(stale.save()))[1];

  // Sessions and transactions
  const session = await mongoose.startSession();
  session.startTransaction();
  await Author.create([{ name: 'Rolled back' }], { session });
  seen.inside = [
    await Author.countDocuments({ name: 'Rolled back' }).session(session),
    // Outside of it on purpose: without the `null`, ours would warn of a session that was forgotten.
    await Author.countDocuments({ name: 'Rolled back' }).session(null),
    session.inTransaction(),
  ];
  await session.abortTransaction();
  await session.endSession();
  seen.aborted = await Author.countDocuments({ name: 'Rolled back' });

  // Here no operation is told of its session: mongoose passes it on by AsyncLocalStorage.
  await connection.transaction(async () => {
    await new Author({ name: 'Committed' }).save();
    seen.storage = [await Author.countDocuments({ name: 'Committed' })];
    seen.storage.push(
      await Author.collection.countDocuments({ name: 'Committed' }, { session: null }),
    );
  });
  seen.storage.push(await Author.countDocuments({ name: 'Committed' }));
  let reset;
  await connection
    .transaction(async () => {
      reset = new Author({ name: 'Thrown' });
      await reset.save();
      throw new Error('roll back');
    })
    .catch((error) => (seen.thrown = error.message));
  seen.thrown = [seen.thrown, reset.isNew, await Author.countDocuments({ name: 'Thrown' })];

  // Change streams
  // From a position that is known: the driver may send the insert before it has opened the stream.
  const { operationTime } = await connection.db.command({ ping: 1 });
  const startAtOperationTime = new mongoose.mongo.Timestamp({
    t: operationTime.getHighBits() >>> 0,
    i: (operationTime.getLowBits() >>> 0) + 1,
  });
  const stream = Author.watch([], { fullDocument: 'updateLookup', startAtOperationTime });
  const changes = new Promise((resolve) => {
    const types = [];
    stream.on('change', ({ operationType, fullDocument }) => {
      types.push([operationType, fullDocument?.name]);
      if (types.length === 2) resolve(types);
    });
  });
  await new Promise((resolve) => stream.once('ready', resolve));
  await Author.create({ name: 'Watched' });
  await Author.updateOne({ name: 'Watched' }, { name: 'Renamed' });
  seen.changes = await changes;
  await stream.close();

  // GridFS and what is below the models
  const bucket = new mongoose.mongo.GridFSBucket(connection.db);
  const upload = bucket.openUploadStream('file');
  await new Promise((resolve, reject) =>
    upload.on('finish', resolve).on('error', reject).end(Buffer.alloc(600_000, 7)),
  );
  let bytes = 0;
  for await (const chunk of bucket.openDownloadStreamByName('file')) bytes += chunk.length;
  seen.gridfs = bytes;
  seen.collections = (await connection.listCollections()).map(({ name }) => name).sort();
  seen.topology = connection.getClient().topology.description.type;

  const second = await mongoose
    .createConnection(process.env.TEST_URI, { dbName: process.env.TEST_DB })
    .asPromise();
  seen.second = await second.collection('authors').countDocuments();
  await second.close();
  const sibling = connection.useDb(`${process.env.TEST_DB}_2`, { useCache: true });
  await sibling.collection('things').insertOne({ a: 1 });
  seen.sibling = await sibling.collection('things').countDocuments();
  await sibling.dropDatabase();

  await connection.dropDatabase();
  await mongoose.disconnect();
  seen.ended = connection.readyState;
}

void main().then(() => report());
