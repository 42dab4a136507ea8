// Finding documents: one, and many in several ways.
import { MongoClient } from '@mongo-offload/core';

const client = new MongoClient(process.env.MONGODB_URI ?? 'mongodb://127.0.0.1:27017');
const numbers = client.db('motor_tour').collection('numbers');
await numbers.deleteMany({});
await numbers.insertMany(Array.from({ length: 1_000 }, (_, i) => ({ i, square: i * i })));

// One document, or null where there is none.
console.log('findOne:', (await numbers.findOne({ i: 7 })).square, await numbers.findOne({ i: -1 }));

// find() sends nothing. It makes a cursor, which can be refined until it is first read.
const few = numbers
  .find({ i: { $gte: 10 } })
  .project({ _id: 0, i: 1 })
  .sort({ i: -1 })
  .limit(3);

// First way: for await. Documents come one by one, whatever their number; memory stays bounded.
for await (const { i } of few) console.log('for await:', i);

// Second way: an array. For a result that you know to be small, or that you want as a whole. The main
// thread lets your event loop turn while it builds a large one.
const all = await numbers.find().toArray();
console.log('toArray:', all.length);

// Motor's to_list: at most so many, and the cursor stays open for the rest.
const cursor = numbers.find().sort({ i: 1 });
const firstTen = await cursor.toList(10);
const nextTen = await cursor.toList(10);
console.log('toList:', firstTen.at(-1).i, nextTen.at(-1).i);
// A cursor that is not read to its end holds resources on the server. Close it.
await cursor.close();

// Third way: step by step. next() gives null at the end …
const stepping = numbers.find({ i: { $lt: 2 } }).sort({ i: 1 });
let document;
while ((document = await stepping.next()) !== null) console.log('next:', document.i);

// … and with Motor's pair, only fetching waits. A document that has arrived is there at once.
const fetching = numbers.find({ i: { $lt: 2 } }).sort({ i: 1 });
while (await fetching.fetchNext) console.log('fetchNext:', fetching.nextObject().i);

// The cheapest way through a large result, which Motor has not: arrays of documents, as they arrive.
let sum = 0;
for await (const documents of numbers.find().batches()) {
  for (const { i } of documents) sum += i;
}
console.log('batches:', sum);

await client.close();
