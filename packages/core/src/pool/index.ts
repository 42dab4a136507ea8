export {
  DecodingFailure,
  Failure,
  IdleSessions,
  isForbidden,
  Lane,
  RecentlyUsed,
  WholeResult,
} from './lane';
export { isInOurWorker, workerEntry, WorkerPool, WorkerSlot } from './threads';
