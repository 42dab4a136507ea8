// Connecting, and asking the server who it is.
import { MongoClient } from '@mongo-offload/core';

// A client is cheap to make and connects by itself when it is first used. Make one and keep it for the
// life of your program: it holds the connections, in worker threads, and every part of your program can
// use it at the same time.
const client = new MongoClient(process.env.MONGODB_URI ?? 'mongodb://127.0.0.1:27017');

// In a container, your program may be up before its database is. This waits until the server answers,
// and tries again in the meantime. timeouts.mjs shows what happens where it never does.
await client.waitUntilReady({
  timeoutMS: 20_000,
  onRetry: (error, attempt) => console.log(`try ${attempt}: ${error.message}`),
});

const { version } = await client.serverInfo();
console.log(`connected to MongoDB ${version}`);

// A database and a collection are names. Nothing is sent to the server here, and the server makes them
// when the first document is inserted.
const people = client.db('motor_tour').collection('people');
console.log(`the collection is ${people.namespace}`);

// The worker threads keep the process alive, as open connections would. Close the client to end it.
await client.close();
