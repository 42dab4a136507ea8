/** The private parts of the driver that the worker uses, and its patches of the driver. */
export {
  ChangeStreamCursorClass,
  checkDriver,
  clientInternals,
  cursorInternals,
  INSERT,
  operationModule,
  rawInsertParts,
  ServerSessionClass,
  sessionInternals,
  watched,
  type AuthProviders,
  type BulkBatch,
  type BulkState,
  type ChangeStreamCursor,
  type ChangeStreamReply,
  type BufferedReply,
  type ClientInternals,
  type ReplyElement,
  type SessionInternals,
  type TokenCache,
} from './internals';
export { isCleaningUp, LOST_SERVER_MS, noLongerThan } from './lost-cursors';
export { applyPatches } from './patches';
export { withReadPreference } from './read-preference';
export { replyBytes } from './reply-bytes';
export { onServerFailure, type MetFailure } from './server-failures';
