interface Operation {
  options: { signal?: AbortSignal };
  buildOptions(context: unknown): object;
}
interface ExecuteModule {
  executeOperation: (client: unknown, operation: Operation, ...rest: unknown[]) => Promise<unknown>;
}

/*
 * Most of the driver's methods hand the option `signal` on to their command. Some take no options, some
 * pick theirs, and some send all that they are given to the server. What those begin gets the signal here,
 * in this thread's own copy of the driver.
 */
// eslint-disable-next-line @typescript-eslint/no-require-imports -- the package has no ES export of it
const executing = require('mongodb/lib/operations/execute_operation') as ExecuteModule;
const { executeOperation } = executing;

let carried: AbortSignal | undefined;

executing.executeOperation = async (client, operation, ...rest) => {
  if (carried !== undefined) giveSignal(operation, carried);
  return await executeOperation(client, operation, ...rest);
};

/** The operations that `begin` begins before its first wait are given up when the signal is aborted. */
export function carrying<T>(signal: AbortSignal | undefined, begin: () => T): T {
  const before = carried;
  carried = signal;
  try {
    return begin();
  } finally {
    carried = before;
  }
}

function giveSignal(operation: Operation, signal: AbortSignal): void {
  if (operation.options.signal != null) return;
  // Where options become part of a command, those that are enumerable do.
  Object.defineProperty(operation.options, 'signal', { value: signal, configurable: true });
  const buildOptions = operation.buildOptions.bind(operation);
  operation.buildOptions = (context) => ({ ...buildOptions(context), signal });
}
