// Counting, updating, replacing and deleting.
import { MongoClient } from '@mongo-offload/core';

const client = new MongoClient(process.env.MONGODB_URI ?? 'mongodb://127.0.0.1:27017');
const items = client.db('motor_tour').collection('items');
await items.deleteMany({});
await items.insertMany(Array.from({ length: 100 }, (_, i) => ({ i, state: 'new' })));

// countDocuments counts what matches; estimatedDocumentCount asks for the collection's size, which is fast.
console.log('count:', await items.countDocuments({ i: { $gte: 50 } }));
console.log('estimate:', await items.estimatedDocumentCount());

// An update changes fields and leaves the others.
const updated = await items.updateMany({ i: { $lt: 10 } }, { $set: { state: 'seen' } });
console.log('updated:', updated.modifiedCount);

// A replacement keeps nothing but the _id.
await items.replaceOne({ i: 50 }, { i: 50, note: 'a document of its own' });
console.log('replaced:', Object.keys(await items.findOne({ i: 50 })).join(', '));

// Find and change in one step that no other client can come between.
const changed = await items.findOneAndUpdate(
  { i: 51 },
  { $inc: { tries: 1 }, $set: { state: 'busy' } },
  { returnDocument: 'after' },
);
console.log('found and updated:', changed.state, changed.tries);

// With upsert, what does not exist is inserted.
const { upsertedCount } = await items.updateOne(
  { i: 1_000 },
  { $set: { state: 'new' } },
  { upsert: true },
);
console.log('upserted:', upsertedCount);

const { deletedCount } = await items.deleteMany({ i: { $gte: 60 } });
console.log('deleted:', deletedCount, 'left:', await items.countDocuments());

await client.close();
