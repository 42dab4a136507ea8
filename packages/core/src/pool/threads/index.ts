export { isInOurWorker } from './our-worker';
export { workerEntry } from './worker-entry';
export { WorkerPool } from './worker-pool';
export { WorkerSlot } from './worker-slot';
