export { adoptServerSessions, exchangeServerSession, SessionRegistry } from './session-registry';
