export * from './cursors';
export { offloadedCursor } from './offload-cursor';
export type { OffloadedCursorMethods } from './reading';
