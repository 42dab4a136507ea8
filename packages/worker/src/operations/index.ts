export { type CallArguments, type MoreBytes, readArguments } from './arguments';
export { sendsBytes } from './raw-inserts';
export { type Outcome, passedThrough } from './outcome';
export { run } from './run';
