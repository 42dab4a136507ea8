export * from './messages';
export * from './operations';
export * from '../errors/envelope';
export { reviveError, type ErrorContext } from '../errors/revive';
