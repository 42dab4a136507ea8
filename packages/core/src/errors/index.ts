export { CallSite } from './call-site';
export { revived, showCaller } from './caller-stack';
export {
  BundledError,
  DeadlineExceededError,
  forgotten,
  ForgottenSessionError,
  NotReadyError,
  OffloadOptionError,
  OverloadedError,
  TransactionEndedError,
  WorkerLostError,
} from './errors';
export { warnOnce, warnOnceAt } from './warning';
