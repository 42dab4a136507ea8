import { carriedSignal } from '../abort';
import { operationModule, replaceMethod, type Operation } from './internals';

/**
 * Gives an operation of the driver the signal that `carrying` set. Most of the driver's methods pass the option
 * `signal` to their command. But some take no options, some select theirs, and some send all options to the server.
 */
export function giveCarriedSignals(): void {
  replaceMethod(
    operationModule,
    'executeOperation',
    (native) =>
      async (client, operation, ...rest) => {
        const signal = carriedSignal();
        if (signal !== undefined) giveSignal(operation, signal);
        return await native(client, operation, ...rest);
      },
  );
}

function giveSignal(operation: Operation, signal: AbortSignal): void {
  if (operation.options.signal != null) return;
  // Not enumerable: some operations copy their enumerable options into the command.
  Object.defineProperty(operation.options, 'signal', { value: signal, configurable: true });
  const buildOptions = operation.buildOptions.bind(operation);
  operation.buildOptions = (context) => ({ ...buildOptions(context), signal });
}
