export {
  ClientSession,
  isOffloaded,
  makeAmbient,
  offloadedSession,
  sessionLinkOf,
} from './client-session';
