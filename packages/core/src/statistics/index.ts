
export { endWatching, offloadOf, type ClientOffload } from './client-offload';
export type { ClientStats, OffloadStats, StatsOptions } from './client-offload';
export type { MainStats } from './main-watch';
export type { HeapStats, WorkerStats } from './worker-stats';

