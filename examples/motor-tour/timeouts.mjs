// What happens when it takes too long, and when no server is there at all.
import { MongoClient, NotReadyError } from '@mongo-offload/core';

const client = new MongoClient(process.env.MONGODB_URI ?? 'mongodb://127.0.0.1:27017');
const slow = client.db('motor_tour').collection('slow');
await slow.deleteMany({});
await slow.insertMany(Array.from({ length: 200 }, (_, i) => ({ i })));
/** Takes the server 10 ms a document. */
const takesLong = { $where: 'sleep(10) || true' };

// maxTimeMS: the server gives up. Nothing of the work goes on afterwards.
try {
  await slow.find(takesLong, { maxTimeMS: 50 }).toArray();
} catch (error) {
  console.log(`maxTimeMS: ${error.codeName}`);
}

// A signal: you give up. The operation is ended in its worker thread as well.
try {
  await slow.find(takesLong, { signal: AbortSignal.timeout(50) }).toArray();
} catch (error) {
  console.log(`signal: ${error.name}`);
}

// deadlineMS: a strict limit from the call to its end, whatever the time is spent on: waiting for a
// connection, retries, or the server. { offload: { deadlineMS } } sets it for the whole client.
try {
  await slow.find(takesLong, { deadlineMS: 50 }).toArray();
} catch (error) {
  console.log(`deadlineMS: ${error.name}`);
}

await client.close();

// A server that is down. An operation looks for a server as long as serverSelectionTimeoutMS says (by
// default 30 seconds), and then rejects. Nothing listens on port 1.
const nobody = new MongoClient('mongodb://127.0.0.1:1/', { serverSelectionTimeoutMS: 200 });
try {
  await nobody.db('motor_tour').collection('people').findOne();
} catch (error) {
  console.log(`operation: ${error.name}`);
}

// waitUntilReady has a time limit of its own, and tries again until that is over. A try takes up to five
// seconds, so that this short limit allows for one.
try {
  await nobody.waitUntilReady({
    timeoutMS: 1_000,
    onRetry: (error, attempt, delayMS) =>
      console.log(`try ${attempt} failed, next in ${delayMS} ms`),
  });
} catch (error) {
  if (!(error instanceof NotReadyError)) throw error;
  console.log(`waitUntilReady: ${error.name}, because of ${error.cause.name}`);
}

await nobody.close();
