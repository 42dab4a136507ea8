export {
  ClientSession,
  isOffloaded,
  makeAmbient,
  offloadedSession,
  sessionLinkOf,
} from './client-session';
export type { SessionLink } from './session-link';
