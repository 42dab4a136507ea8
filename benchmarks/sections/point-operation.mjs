import { idOf } from '../data/documents.mjs';
import { readDocument } from '../data/official.mjs';
import { documents as makeDocuments } from '../data/documents.mjs';
import { inFlight } from '../measure/in-flight.mjs';
import { measured } from '../measure/measured.mjs';
import { withClient } from '../side/with-client.mjs';

/**
 * Runs single operations with a fixed number in flight. The next operation of a place starts when the previous one
 * is acknowledged.
 */
const operationsByName = {
  findOne: {
    arguments: ({ count, documents }) => idsAmong(documents, count).map((_id) => [{ _id }]),
    sees: (document) => document?.user.followers_count > 0,
  },
  findTen: {
    arguments: ({ count, documents }) =>
      numbersAmong(documents, count).map((number) => [
        { _id: { $gte: idOf(number), $lt: idOf(number + 10) } },
      ]),
    call: (collection, filter, options) => collection.find(filter, options).toArray(),
    sees: (documents) => documents.length > 0,
  },
  updateOne: {
    arguments: ({ count, documents }) =>
      idsAmong(documents, count).map((_id, number) => [
        { _id },
        { $set: { favorited: true }, $inc: { 'user.listed_count': number % 7 } },
      ]),
    sees: ({ matchedCount }) => matchedCount === 1,
  },
  insertOne: {
    arguments: ({ count, data }) =>
      makeDocuments(readDocument('tweet', data).document, 0, count, { withId: false }).map(
        (document) => [document],
      ),
    sees: ({ acknowledged }) => acknowledged,
  },
};

export async function run(job) {
  const { settings } = job;
  const { method, collection, operations: count, width, monitored, sessions } = settings;
  const { warmUp, warmUpBursts } = settings;
  const { arguments: argumentsOf, sees, call } = operationsByName[method];
  const options = monitored ? { monitorCommands: true } : {};
  return await withClient(
    job,
    async ({ db, client, restingMemory }) => {
      let events = 0;
      if (monitored) {
        for (const name of ['commandStarted', 'commandSucceeded', 'commandFailed']) {
          client.on(name, () => (events += 1));
        }
      }
      const target = db.collection(method === 'insertOne' ? `inserted_${job.side}` : collection);
      // A session runs one operation at a time, so each place in flight has its own.
      const places = Array.from({ length: width }, () =>
        sessions ? { session: client.startSession() } : undefined,
      );
      const latencies = new Float64Array(count);
      const operate = (operations) => async (prepared) => {
        let seen = 0;
        await inFlight(operations, width, async (number, place) => {
          const start = performance.now();
          const options = places[place];
          const args = options === undefined ? prepared[number] : [...prepared[number], options];
          const result = await (call === undefined
            ? target[method](...args)
            : call(target, ...args));
          latencies[number % count] = performance.now() - start;
          if (sees(result)) seen += 1;
        });
        return { seen };
      };
      const { witness, metrics } = await measured({
        unit: 'operation',
        count,
        restingMemory,
        latencies,
        prepare: () => argumentsOf({ ...settings, count: Math.max(count, warmUp) }),
        // Writes to one collection stay with one worker while any is in flight, so each worker warms up with a
        // burst of its own.
        async warmUp(prepared) {
          const size = warmUp / warmUpBursts;
          for (let at = 0; at < warmUp; at += size) await operate(size)(prepared.slice(at));
        },
        work: operate(count),
      });
      await Promise.all(places.map((place) => place?.session.endSession()));
      if (monitored && events === 0) throw new Error('no event arrived');
      return { witness, metrics };
    },
    options,
  );
}

/** Returns numbers with a prime stride: successive reads are not neighbours on disk, and cover most documents. */
function numbersAmong(documents, count) {
  return Array.from({ length: count }, (_, number) => (number * 7919) % documents);
}

function idsAmong(documents, count) {
  return numbersAmong(documents, count).map(idOf);
}
