export {
  type EnvelopeValue,
  type ErrorEnvelope,
  isError,
  packError,
  packValue,
  survivesBson,
} from './envelope';
export { keepThrown, standsFor } from './origin';
export { AS_CLASSES, reviveError } from './revive';
export { writeErrorsIn } from './write-errors';
export { type ErrorContext, reviveValue } from './revive';
