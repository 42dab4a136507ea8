export { keepOwnOptions } from './cursor-limits';
export { endOnAbort } from './cursor-stream';
export {
  AggregationCursor,
  FindCursor,
  ListCollectionsCursor,
  ListIndexesCursor,
  ListSearchIndexesCursor,
  RunCommandCursor,
} from './cursors';
export { offloadCursorClass, offloadedCursor, remoteOf } from './offload-cursor';
export type { OffloadedCursorMethods } from './reading';
export { Batch, type CursorDescription, interrupted, noteClientCloses } from './remote';
