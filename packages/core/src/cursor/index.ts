export * from './cursors';
export { keepOwnOptions } from './cursor-limits';
export { Batch } from './batch';
export type { CursorDescription } from './description';
export { offloadCursorClass, offloadedCursor, remoteOf } from './offload-cursor';
export type { OffloadedCursorMethods } from './reading';
export { interrupted, noteClientCloses } from './cut-off';
export { endOnAbort } from './cursor-stream';
