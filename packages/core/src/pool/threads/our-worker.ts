import { isMainThread, parentPort, workerData } from 'node:worker_threads';

/** The `workerData` of our worker threads. Preloads from NODE_OPTIONS run in each of our workers and see it. */
export const OUR_WORKER = '@mongo-offload/core';

/**
 * Whether this is one of our workers, or a Node thread for module hooks (the only kind without a parent port), which
 * our workers may have. Only a preload uses this package there. If that started workers, each would run the preload and
 * start more, without end.
 */
export const isInOurWorker = !isMainThread && (parentPort === null || workerData === OUR_WORKER);
