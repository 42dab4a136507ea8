import { isMainThread, parentPort, workerData } from 'node:worker_threads';

/** The `workerData` of our worker threads. Preloads can read it: NODE_OPTIONS runs them in each of our workers. */
export const OUR_WORKER = '@mongo-offload/core';

/**
 * Whether this is one of our workers, or Node's thread for module hooks (the one thread without a parent port), which
 * each of our workers may have. Only a preload uses this package there: were it to start workers, each of them would
 * run the preload and start workers, without end.
 */
export const isInOurWorker = !isMainThread && (parentPort === null || workerData === OUR_WORKER);
