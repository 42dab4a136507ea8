export { isGuardedHere, joined, sessionHere, transactionHere } from './join';
export {
  lastTransaction,
  sayLeftOpen,
  transactionOf,
  transactionStarted,
  type OpenTransaction,
} from './open-transaction';
export { runFunction, runNested, runOnMain } from './run';
export { enter, noteUse, scopes } from './scope';
export { holding, type Hold } from './transaction-queue';
