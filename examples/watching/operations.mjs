// How long operations take, by their names, from the channel that tells of each.
import { tracingChannel } from 'node:diagnostics_channel';
import { createHistogram } from 'node:perf_hooks';
import { MongoClient } from '@mongo-offload/core';

const histograms = new Map();
const started = new WeakMap();

const channel = tracingChannel('mongo-offload:operation');
const subscribers = {
  // The one object that is told at each step of an operation.
  start: (operation) => started.set(operation, process.hrtime.bigint()),
  asyncEnd(operation) {
    const since = started.get(operation);
    if (since === undefined) return; // it began before we listened
    const { operation: name, collection = '', error } = operation;
    const key = `${name} ${collection} ${error === undefined ? 'ok' : error.name}`;
    if (!histograms.has(key)) histograms.set(key, createHistogram());
    histograms.get(key).record(process.hrtime.bigint() - since);
  },
};
channel.subscribe(subscribers);

const client = new MongoClient(process.env.MONGODB_URI ?? 'mongodb://127.0.0.1:27017');
const numbers = client.db('watching').collection('numbers');
await numbers.deleteMany({});
await numbers.insertMany(Array.from({ length: 1000 }, (_, i) => ({ _id: i })));
for (let _id = 0; _id < 100; _id++) await numbers.findOne({ _id });
await numbers.find().toArray();
await numbers.insertOne({ _id: 1 }).catch(() => undefined);
await client.close();

channel.unsubscribe(subscribers);
for (const [key, { count, percentiles }] of histograms) {
  const ms = (nanoseconds) => (Number(nanoseconds) / 1e6).toFixed(2);
  console.log(
    `${key}: ${count}, median ${ms(percentiles.get(50))} ms, most ${ms(percentiles.get(100))} ms`,
  );
}
