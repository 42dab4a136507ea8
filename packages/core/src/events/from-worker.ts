/** Properties of an event from a worker thread, in addition to the driver's. */
export interface FromWorkerThread {
  /** Which of the process's worker threads it happened in, from 0; absent where it was the main thread. */
  offloadWorker?: number;
  /** Which of the worker's two pools: that for operations, or that of change streams and tailable cursors. */
  offloadPool?: 'operations' | 'waiting';
}

/* eslint-disable @typescript-eslint/no-empty-object-type -- they name what events have, by merging */
declare module 'mongodb' {
  interface CommandStartedEvent extends FromWorkerThread {}
  interface CommandSucceededEvent extends FromWorkerThread {}
  interface CommandFailedEvent extends FromWorkerThread {}
  interface ConnectionPoolMonitoringEvent extends FromWorkerThread {}
}
