/** Everything that both threads share: the messages between them, the table of operations, and the format of errors. */
export * from './credentials';
export * from './lane-progress';
export * from './messages';
export * from './operations';
export * from './process-clock';
export * from './events';
export {
  type EnvelopeValue,
  type ErrorContext,
  type ErrorEnvelope,
  keepThrown,
  packError,
  reviveError,
  reviveValue,
  writeErrorsIn,
} from '../errors';
export { packCarried } from '../carried';
