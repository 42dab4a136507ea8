import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { settle } from '../measure/pass.mjs';
import { watchStalls } from '../measure/stalls.mjs';

/**
 * Measures the cost of the machine alone: how long an idle main thread waits for a processor while a worker thread
 * reads the documents' bytes with the driver. The worker decodes and sends nothing. The server, the worker and V8's
 * threads share the processors with the main thread, as they do when it receives documents.
 */
export async function run({ uri, database, settings }) {
  const { collection, repeat = 1 } = settings;
  const reader = new Worker(new URL('floor-of-waiting/reader.mjs', import.meta.url), {
    workerData: { uri, database, collection },
  });
  const read = async () => {
    for (let round = 0; round < repeat; round++) {
      reader.postMessage('read');
      await once(reader, 'message');
    }
  };
  await read();
  await settle();
  const metrics = await watchStalls(read);
  reader.postMessage('end');
  await once(reader, 'exit');
  return { metrics };
}
