// Everything that the driver exports, and in its place our own classes where we have them.
export * from 'mongodb';
export { ChangeStream } from './change-stream';
export { Admin } from './facade/admin';
export { MongoClient, type OffloadMongoClientOptions } from './facade/client';
export type { WaitUntilReadyOptions } from './facade/wait-until-ready';
export { Collection } from './facade/collection';
export { Db } from './facade/db';
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
export { NO_SESSION } from './options/no-session';
export type { CursorFacts, OperationContext } from './tracing/operation-channel';
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
export type { ForgottenSession, OffloadOptions } from './options/offload-options';
export type { LimitOptions } from './abort/limits';
export type { OperationOffloadOptions, ReadingOptions } from './options/reading-options';
export type { WritingOptions } from './options/writing-options';
