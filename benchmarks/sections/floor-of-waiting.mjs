import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { settle } from '../measure/pass.mjs';
import { watchStalls } from '../measure/stalls.mjs';

/**
 * What the machine alone takes: how long a main thread that does nothing is kept waiting for a processor while a
 * worker thread reads the documents' bytes with the driver, decodes none of them and sends none. The server, that
 * thread and V8's own threads share the processors with it, as they do with a thread that does get the documents.
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
