import { isDeepStrictEqual } from 'node:util';

import { MongoTransactionError, type ClientSession, type TransactionOptions } from 'mongodb';

import { withinLimits } from '../abort';
import { tracedOnMain } from '../tracing';
import { transactionOf, type OpenTransaction } from './open-transaction';
import { scopeHere, within } from './scope';
import { holding, type TransactionQueueOptions } from './transaction-queue';

/**
 * Calls the function of a transaction in the transaction's scope. What it returns before its
 * operations have ended is held back until they have.
 *
 * @param returned - called when the function has ended, however
 */
export function runFunction<T>(
  transaction: OpenTransaction,
  role: 'joins' | 'guards' | undefined,
  run: () => Promise<T>,
  returned: () => void,
): Promise<T> {
  const end = (): void => {
    transaction.end();
    returned();
  };
  let result: Promise<T>;
  try {
    result = role === undefined ? run() : within(transaction, role, run);
  } catch (error) {
    end();
    throw error;
  }
  if (typeof (result as Promise<T> | undefined)?.then !== 'function') {
    // The driver says what is wrong with it.
    end();
    return result;
  }
  return settled(transaction, result, end);
}

async function settled<T>(
  transaction: OpenTransaction,
  result: Promise<T>,
  end: () => void,
): Promise<T> {
  try {
    const value = await result;
    await transaction.settle();
    return value;
  } finally {
    end();
  }
}

/**
 * A transaction inside of another is part of that one. Where its function fails, nothing of the whole
 * is committed, whatever the function around it makes of the error.
 *
 * @throws MongoTransactionError where it asks for options that the transaction around it does not have
 */
export async function runNested<T>(
  around: OpenTransaction,
  run: (session: ClientSession) => Promise<T>,
  options: TransactionOptions | undefined,
): Promise<T> {
  // Its limits are its own.
  const { signal: _, deadlineMS: __, ...shared } = options ?? {};
  if (Object.keys(shared).length > 0 && !isDeepStrictEqual(shared, around.options ?? {})) {
    throw new MongoTransactionError(
      'A transaction inside of another takes part in that one, and cannot have options that differ from its options',
    );
  }
  try {
    const limited = { what: 'client.transaction', write: true, defaults: {} };
    return await withinLimits(options, limited, () => run(around.session));
  } catch (error) {
    around.doom(error as Error);
    throw error;
  }
}

/** An operation on the main thread, and what it is called on. */
interface OnMain extends TransactionQueueOptions {
  on: object;
}

/**
 * Runs an operation of a client that runs on the main thread, in its session's transaction if that
 * has one. The driver may do it by several operations: those do not wait for it.
 */
export async function runOnMain<T>(
  session: ClientSession | null | undefined,
  { on, ...options }: OnMain,
  operation: () => Promise<T>,
): Promise<T> {
  const work = (): Promise<T> => tracedOnMain(options.what, on, session, operation);
  const transaction = transactionOf(session);
  if (transaction === undefined) return await work();
  for (let scope = scopeHere(); scope !== undefined; scope = scope.outer) {
    if (scope.role === 'holds' && scope.transaction === transaction) return await work();
  }
  return await transaction.inTurn(options, (hold) =>
    holding(hold, () => within(transaction, 'holds', work)),
  );
}
