// Inserting one document, and many.
import { MongoClient } from '@mongo-offload/core';

const client = new MongoClient(process.env.MONGODB_URI ?? 'mongodb://127.0.0.1:27017');
const people = client.db('motor_tour').collection('people');
await people.deleteMany({});

// What insertOne was given gets an _id before it is sent, unless it has one.
const ada = { name: 'Ada', born: 1815, knows: ['mathematics', 'engines'] };
const { insertedId } = await people.insertOne(ada);
console.log(`inserted ${insertedId}, which is ${ada._id}`);

// Many documents by one call: as few messages to the server as they fit in.
const { insertedCount } = await people.insertMany([
  { name: 'Grace', born: 1906, knows: ['compilers', 'ships'] },
  { name: 'Edsger', born: 1930, knows: ['proofs', 'semaphores'] },
  { name: 'Barbara', born: 1939, knows: ['types', 'substitution'] },
]);
console.log(`inserted ${insertedCount} more`);

// Errors are the driver's own classes, with the server's code. 11000: the _id is taken.
try {
  await people.insertOne({ _id: insertedId, name: 'An impostor' });
} catch (error) {
  console.log(`refused: ${error.name}, code ${error.code}`);
}

await client.close();
