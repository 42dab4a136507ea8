export * from './cursors';
export { keepOwnOptions } from './cursor-limits';
export { Batch } from './remote/batch';
export type { CursorDescription } from './remote/description';
export { offloadCursorClass, offloadedCursor, remoteOf } from './offload-cursor';
export type { OffloadedCursorMethods } from './reading';
export { interrupted, noteClientCloses } from './remote/cut-off';
export { endOnAbort } from './cursor-stream';
