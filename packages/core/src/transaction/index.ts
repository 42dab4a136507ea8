export { isGuardedHere, joined, sessionHere, transactionHere } from './join';
export {
  lastTransaction,
  OpenTransaction,
  transactionOf,
  transactionStarted,
  warnLeftOpen,
} from './open-transaction';
export { runFunction, runNested, runOnMain } from './run';
export { enter, noteUse, scopes } from './scope';
export { type Hold, holding } from './transaction-queue';
