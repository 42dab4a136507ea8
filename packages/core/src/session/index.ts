export {
  ClientSession,
  isOffloaded,
  makeAmbient,
  offloadedSession,
  sessionLinkOf,
} from './client-session';
export type { SessionLink } from '../client/call/session-link';
