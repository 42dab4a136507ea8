import { isDeepStrictEqual } from 'node:util';

import { MongoTransactionError, type ClientSession, type TransactionOptions } from 'mongodb';

import { withinLimits } from '../abort';
import { tracedOnMain } from '../tracing';
import { transactionOf, type OpenTransaction } from './open-transaction';
import { scopeHere, within } from './scope';
import { holding, type TransactionQueueOptions } from './transaction-queue';

/**
 * Calls the function of a transaction in the transaction's scope. Resolves with its result when all its operations have
 * ended.
 *
 * @param returned - called when the function has returned or thrown
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
    // The driver has an error for a function that returns no promise.
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
 * Runs a nested transaction as part of the outer one. If its function fails, nothing of the outer transaction is
 * committed, even if the outer function catches the error.
 *
 * @throws MongoTransactionError if its options differ from those of the outer transaction
 */
export async function runNested<T>(
  around: OpenTransaction,
  run: (session: ClientSession) => Promise<T>,
  options: TransactionOptions | undefined,
): Promise<T> {
  // A nested transaction may have its own limits.
  const { signal: _, deadlineMS: __, ...shared } = options ?? {};
  if (Object.keys(shared).length > 0 && !isDeepStrictEqual(shared, around.options ?? {})) {
    throw new MongoTransactionError(
      'A nested client.transaction() takes part in the outer transaction, so it cannot have other options. Leave its ' +
        'options out, or pass those of the outer one.',
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

/** An operation on the main thread, and the object that it is called on. */
interface OnMain extends TransactionQueueOptions {
  on: object;
}

/**
 * Runs an operation of a client that runs on the main thread. If its session is in a transaction, the operation waits
 * in the transaction queue. The driver may run other operations to do this one; those do not wait for it.
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
  return await transaction.enqueue(options, (hold) =>
    holding(hold, () => within(transaction, 'holds', work)),
  );
}
