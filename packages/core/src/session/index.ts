export { ClientSession, isOffloaded, offloadedSession, sessionLinkOf } from './client-session';
export type { SessionLink } from './session-link';
