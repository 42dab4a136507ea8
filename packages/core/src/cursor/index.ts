export * from './cursors';
export { Batch } from './batch';
export { offloadCursorClass, offloadedCursor, type CursorDescription } from './offload-cursor';
export type { OffloadedCursorMethods } from './reading';
export { interrupted } from './remote-cursor';
