/** The `workerData` of our worker threads, by which `register` knows that it is in one (by NODE_OPTIONS). */
export const OUR_WORKER = '@mongo-offload/core';
