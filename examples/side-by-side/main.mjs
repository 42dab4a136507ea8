// The same work on both clients, while a timer and some hashing share the event loop.
//
//   npm run demo [-- --documents N]
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as ours from '@mongo-offload/core';
import { startMongod } from '@mongo-offload/mongod';
import * as native from 'mongodb';
import { load, readDataSet } from './data-set.mjs';
import { onSharedLoop } from './shared-loop.mjs';
import { table } from './table.mjs';
import { works } from './works.mjs';

const { values } = parseArgs({ options: { documents: { type: 'string', default: '200000' } } });
const flightCount = Number(values.documents);
if (!(Number.isInteger(flightCount) && flightCount >= 1 && flightCount <= 200_000)) {
  throw new Error('--documents must be a whole number from 1 to 200000');
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

console.log('Starting mongod …');
const mongod = await startMongod({ onProgress: (line) => console.log(line) });
const nativeClient = new native.MongoClient(mongod.uri);
const ourClient = new ours.MongoClient(mongod.uri);
const database = `mongo_offload_demo_${process.pid}`;
const dbs = { native: nativeClient.db(database), ours: ourClient.db(database) };

try {
  const dataSet = readDataSet(flightCount);
  const { flights, movies } = dataSet;
  await step(
    `Loading ${count(flights.length)} flights and ${count(movies.length)} movies`,
    async () => await load(dbs.native, dataSet),
  );
  const rows = [];
  for (const work of works) {
    const { title } = work;
    await step(title, async () => {
      // Once on both to compare the results, which warms both up as well; then each by itself.
      const read = async (side) => await work.run(dbs[side], dataSet);
      const same = isDeepStrictEqual(await read('native'), await read('ours'));
      if (!same) throw new Error(`${title}: the results differ`);
      rows.push({
        title,
        native: await measure('native', read),
        ours: await measure('ours', read),
      });
      return 'same results';
    });
  }
  console.log(`\n${table(rows)}\n`);
  console.log(
    'native is mongodb, ours is @mongo-offload/core. A stall is how long a 1 ms timer had to wait; hashing of\n' +
      '3 ms every 20 ms shared the loop with both, and is not counted in the CPU.',
  );
} finally {
  await dbs.native.dropDatabase();
  await Promise.all([nativeClient.close(), ourClient.close()]);
  await mongod.stop();
}

async function measure(side, read) {
  collectGarbage();
  const { result, wallMS, ...figures } = await onSharedLoop(() => read(side));
  return { ...figures, documentsPerSecond: (result.length * 1000) / wallMS };
}

/** Says what is being done, and when it is done how long it took. */
async function step(title, work) {
  process.stdout.write(`${title} … `);
  const start = performance.now();
  const outcome = await work();
  const seconds = `${((performance.now() - start) / 1000).toFixed(1)} s`;
  console.log(outcome === undefined ? seconds : `${outcome}, ${seconds}`);
}

function count(value) {
  return value.toLocaleString('en');
}
