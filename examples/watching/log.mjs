// A line now and then that says what the worker threads and the main thread are at.
// node log.mjs [milliseconds between two lines: 60000] [lines: as long as the program runs]
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { MongoClient } from '@mongo-offload/core';

const [everyMS = '60000', lines = 'Infinity'] = process.argv.slice(2);
const client = new MongoClient(process.env.MONGODB_URI ?? 'mongodb://127.0.0.1:27017');
await client.connect();

// The program that is watched: it reads as long as it is let.
const collection = client.db('watching').collection('numbers');
await collection.deleteMany({});
await collection.insertMany(Array.from({ length: 1000 }, (_, i) => ({ i })));
const done = new AbortController();
const work = (async () => {
  while (!done.signal.aborted) await collection.find({ i: { $lt: 500 } }).toArray();
})();

// The main thread's times are measured from here on.
let before = await client.offload.stats({ watch: true });
for (let line = 1; line <= Number(lines); line++) {
  await delay(Number(everyMS));
  // `restart`: the longest slice and the longest stall of the next line are those of its own time.
  const now = await client.offload.stats({ restart: true });
  const workers = now.workers.map(({ worker, heap, eventLoop, ...counts }) => {
    const past = before.workers[worker];
    // A thread that was replaced begins anew.
    const busy =
      eventLoop && counts.threadId === past?.threadId
        ? performance.eventLoopUtilization(eventLoop, past.eventLoop).utilization
        : 0;
    return {
      worker,
      state: counts.state,
      inFlight: counts.inFlight,
      queued: counts.queued,
      done: counts.done - (past?.done ?? 0),
      failed: counts.failed - (past?.failed ?? 0),
      restarts: counts.restarts,
      busy: `${Math.round(busy * 100)} %`,
      heap: heap && `${Math.round((heap.used / heap.limit) * 100)} %`,
    };
  });
  const { longestStallMS, longestSliceMS } = now.main;
  console.log(JSON.stringify({ workers, longestStallMS, longestSliceMS }));
  before = now;
}
done.abort();
await work;
await client.close();
