export * from './cursors';
export { Batch } from './batch';
export { offloadCursorClass, offloadedCursor, type CursorDescription } from './offload-cursor';
export type { OffloadedCursorMethods } from './reading';
