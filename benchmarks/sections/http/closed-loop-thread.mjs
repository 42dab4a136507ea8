// A thread of the process that asks: what it gets is large, and must not hold up the one that measures latencies.
import { parentPort, workerData } from 'node:worker_threads';
import { asFastAsAnswered } from './closed-loop.mjs';

parentPort.postMessage(await asFastAsAnswered(workerData));
