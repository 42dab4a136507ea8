export { completeCursor, cursorContext, type TracedCursor } from './cursor-context';
export { decodingClock } from './decoding-clock';
export {
  type CursorFacts,
  operationChannel,
  type OperationContext,
  traced,
} from './operation-channel';
export { tracedCall, tracedOnMain } from './operation-context';
