export {
  ClientOffload,
  type ClientStats,
  endWatching,
  offloadOf,
  type OffloadStats,
  type StatsOptions,
} from './client-offload';
export type { MainStats } from './main-watch';
export type { HeapStats, WorkerStats } from './worker-stats';
