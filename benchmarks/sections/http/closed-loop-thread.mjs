// A thread of the load process. It receives large responses, which must not delay the thread that measures latencies.
import { parentPort, workerData } from 'node:worker_threads';
import { asFastAsAnswered } from './closed-loop.mjs';

parentPort.postMessage(await asFastAsAnswered(workerData));
