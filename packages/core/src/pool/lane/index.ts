export type { CallCounts } from './calls-under-way';
export { DecodingFailure, Failure } from './failure';
export { IdleSessions } from './idle-sessions';
export { Lane } from './lane';
export { RecentlyUsed } from './recently-used';
export { isForbidden, StartRecord } from './start-record';
export { WholeResult } from './whole-result';
