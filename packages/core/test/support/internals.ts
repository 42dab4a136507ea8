/*
 * What tests use of this package's compiled files that is no public API. Tests reach it through this file only, so
 * that a file can move without a change to the tests.
 */

// The package first, so that its modules load in the order in which an application loads them.
import '@mongo-offload/core';

export { eitherSignal } from '../../dist/abort/deadline.js';
export { deadlineOf, withinLimits } from '../../dist/abort/limits.js';
export { untilAborted } from '../../dist/abort/until-aborted.js';
export { EncodedCall, LARGE } from '../../dist/calls/encoded-call.js';
export { crossingOptions } from '../../dist/calls/options.js';
export { EncodingOrder } from '../../dist/client/admission/encoding-order.js';
export { InFlight } from '../../dist/client/admission/in-flight.js';
export { Lifetime } from '../../dist/client/admission/lifetime.js';
export { WaitingLine, type Waiting } from '../../dist/client/admission/waiting-line.js';
export type { Call } from '../../dist/client/call/call.js';
export { Targets, type Named, type TargetRef } from '../../dist/client/call/targets.js';
export { optionThatCannotCross } from '../../dist/client/credentials/transferable-options.js';
export { LostCalls } from '../../dist/client/routing/lost-calls.js';
export { isLost, resultOf, Tries } from '../../dist/client/routing/outcome.js';
export { PoolShares } from '../../dist/client/routing/pool-shares.js';
export { WriteOrder } from '../../dist/client/routing/write-order.js';
export { timers } from '../../dist/event-loop/timers.js';
export { resolveOffloadOptions } from '../../dist/options/offload-options.js';
export { readingOptionsOf, resolveReadingOptions } from '../../dist/options/reading-options.js';
export { sliceOf } from '../../dist/options/writing-options.js';
export { DecodingFailure, Failure } from '../../dist/pool/lane/failure.js';
export type { Lane } from '../../dist/pool/lane/lane.js';
export { RecentlyUsed } from '../../dist/pool/lane/recently-used.js';
export { StartRecord } from '../../dist/pool/lane/start-record.js';
export { RestartDelay } from '../../dist/pool/threads/restart-delay.js';
export { workerFlags } from '../../dist/pool/threads/worker-flags.js';
export { WorkerPool } from '../../dist/pool/threads/worker-pool.js';
export { holding, TransactionQueue } from '../../dist/transaction/transaction-queue.js';

/** Files that tests hand to other processes. */
export const WORKER_ENTRY_FILE = require.resolve('../../dist/pool/threads/worker-entry.js');
export const WORKER_POOL_FILE = require.resolve('../../dist/pool/threads/worker-pool.js');
