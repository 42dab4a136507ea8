// The load process: it receives settings, sends requests, and prints the latencies of each endpoint.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { asFastAsAnswered } from './closed-loop.mjs';
import { onSchedule } from './open-loop.mjs';

const {
  port,
  documents,
  exports,
  rates = {},
  connections,
  seconds,
} = JSON.parse(readFileSync(0, 'utf8'));
const origin = `http://127.0.0.1:${port}`;
const paths = {
  health: () => '/health',
  document: (number) => `/documents/${(number * 7919) % documents}`,
  busy: () => '/busy',
};

const results = { latencies: {} };
const { latencies } = results;
if (exports !== undefined) {
  // Exports run one after another. The other requests continue until the last export has arrived.
  const ended = new AbortController();
  const { signal } = ended;
  const scheduled = Object.entries(rates).map(async ([endpoint, perSecond]) => {
    latencies[endpoint] = await onSchedule({ origin, pathOf: paths[endpoint], perSecond, signal });
  });
  const url = `${origin}/export`;
  latencies.export = await inOwnThread({ url, connections: 1, amount: exports });
  ended.abort();
  await Promise.all(scheduled);
  results.exports = exports;
  results.exportSeconds = latencies.export.reduce((sum, latency) => sum + latency, 0) / 1000;
} else {
  const requests = Array.from({ length: 1_000 }, (_, number) => ({ path: paths.document(number) }));
  latencies.document = await asFastAsAnswered({
    url: origin,
    requests,
    connections,
    duration: seconds,
  });
}
const { user, system } = process.cpuUsage();
results.cpuSeconds = (user + system) / 1e6;
process.stdout.write(JSON.stringify(results));

/** Runs `asFastAsAnswered` in its own thread. */
async function inOwnThread(asked) {
  const thread = new Worker(new URL('closed-loop-thread.mjs', import.meta.url), {
    workerData: asked,
  });
  const [answers] = await once(thread, 'message');
  return answers;
}
