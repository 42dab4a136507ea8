// Everything that the driver exports. Our classes replace the driver's of the same name.
export * from 'mongodb';
export { ChangeStream } from './change-stream';
export { Admin } from './facade';
export { MongoClient, type OffloadMongoClientOptions } from './facade';
export type { WaitUntilReadyOptions } from './facade';
export { Collection } from './facade';
export { Db } from './facade';
export type { FromWorkerThread } from './events';
export type {
  ClientOffload,
  ClientStats,
  HeapStats,
  MainStats,
  OffloadStats,
  StatsOptions,
  WorkerStats,
} from './statistics';
export {
  AggregationCursor,
  FindCursor,
  ListCollectionsCursor,
  ListIndexesCursor,
  type ListSearchIndexesCursor,
  type RunCommandCursor,
  type OffloadedCursorMethods,
} from './cursor';
export { GridFSBucket } from './gridfs';
export { ClientSession } from './session';
export { NO_SESSION } from './options';
export type { CursorFacts, OperationContext } from './tracing';
export { OrderedBulkOperation, UnorderedBulkOperation } from './bulk';
export {
  BundledError,
  DeadlineExceededError,
  ForgottenSessionError,
  NotReadyError,
  OffloadOptionError,
  OverloadedError,
  TransactionEndedError,
  WorkerLostError,
} from './errors';
export type { ForgottenSession, OffloadOptions } from './options';
export type { LimitOptions } from './abort';
export type { OperationOffloadOptions, ReadingOptions } from './options';
export type { WritingOptions } from './options';
