export { hideClientOptions, inspectClient } from '../facade/inspect-client';
export { endWatching, offloadOf, type ClientOffload } from './client-offload';
export type { ClientStats, OffloadStats, StatsOptions } from './client-offload';
export type { MainStats } from './main-watch';
export type { HeapStats, WorkerStats } from './worker-stats';
export type { CursorFacts, OperationContext } from '../tracing/operation-channel';
