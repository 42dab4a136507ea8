/*
 * What tests use of this package's compiled files that is no public API. Tests reach it through this file only, so
 * that a file can move without a change to the tests.
 */

// The package first, so that its modules load in the order in which an application loads them.
import '@mongo-offload/core';

export { crossingOptions } from '../../dist/calls/options.js';
export { optionThatCannotCross } from '../../dist/client/credentials/transferable-options.js';
export { Targets, type Named } from '../../dist/client/call/targets.js';
export { workerFlags } from '../../dist/pool/threads/worker-flags.js';
export { WorkerPool } from '../../dist/pool/threads/worker-pool.js';

/** Files that tests hand to other processes. */
export const WORKER_ENTRY_FILE = require.resolve('../../dist/pool/threads/worker-entry.js');
export const WORKER_POOL_FILE = require.resolve('../../dist/pool/threads/worker-pool.js');
