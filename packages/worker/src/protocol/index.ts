export * from './credentials';
export * from './lane-progress';
export * from './messages';
export * from './operations';
export * from './process-clock';
export * from '../events/messages';
export * from '../errors/envelope';
export { reviveError, reviveValue, type ErrorContext } from '../errors/revive';
export { keepThrown } from '../errors/origin';
