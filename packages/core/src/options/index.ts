export { NO_SESSION, withDriversSession } from './no-session';
export {
  type ForgottenSession,
  type OffloadOptions,
  type ResolvedOffloadOptions,
  resolveOffloadOptions,
} from './offload-options';
export { checkOwnOptions, type OwnOptions } from './own-options';
export {
  type OperationOffloadOptions,
  type ReadingOptions,
  readingOptionsOf,
  type ResolvedReadingOptions,
} from './reading-options';
export { sliceOf, type WritingOptions } from './writing-options';
