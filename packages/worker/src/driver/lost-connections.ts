import { MongoNetworkError, type Document } from 'mongodb';

import {
  ConnectionClass,
  replaceMethod,
  ServerClass,
  type DecorateError,
  type RunOnServer,
  type WriteCommand,
} from './internals';

/** Corrects how this thread's copy of the driver (7.9) treats connections that are lost during a command. */
export function mendLostConnections(): void {
  replaceMethod(ConnectionClass?.prototype, 'writeCommand', settling);
  replaceMethod(ServerClass?.prototype, 'decorateCommandError', labelling);
  replaceMethod(ServerClass?.prototype, 'command', labellingWaits);
}

/**
 * Settles a command when its connection closes. A command whose bytes the system does not take at once waits for the
 * socket's `drain` or `error`. A connection that the monitoring, a time limit or `close()` closes emits neither, and
 * the driver waits for ever. A connection that breaks has the system's error (`EPIPE`, `ECONNRESET`). The driver
 * neither retries nor labels that error, and at a commit it takes it for a MongoError and throws a TypeError. The
 * connection has the right error.
 */
function settling(write: WriteCommand): WriteCommand {
  return function (command, options) {
    return new Promise((resolve, reject) => {
      const lost = (): void => reject(this.error ?? closedError());
      this.on('close', lost);
      write.call(this, command, options).then(
        () => {
          this.off('close', lost);
          resolve();
        },
        (error: unknown) => {
          this.off('close', lost);
          reject(this.error ?? (error as Error));
        },
      );
    });
  };
}

function closedError(): Error {
  return new MongoNetworkError('connection closed');
}

/**
 * Gives the errors of all connections that are lost together the same labels. The first error clears the pool. The
 * other connections then are of an older generation, and the driver gives their errors no labels. So it would retry
 * none of their writes, and no transaction would restart.
 */
function labelling(decorate: DecorateError): DecorateError {
  return function (connection, command, options, commandError) {
    const error = decorate.call(this, connection, command, options, commandError);
    if (!(error instanceof MongoNetworkError)) return error;
    const { session } = options ?? {};
    if (session?.hasEnded === false) session.serverSession.isDirty = true;
    if (session?.inTransaction() === true && !endsTransaction(command)) {
      error.addErrorLabel('TransientTransactionError');
      if (session.isPinned) session.unpin({ force: true });
    } else if (endsTransaction(command) || this.topology.s.options.retryWrites !== false) {
      // The server is Unknown by now. The connection still has its description.
      const { type, logicalSessionTimeoutMinutes } = connection.description;
      const isRetryable = type !== 'Standalone' && logicalSessionTimeoutMinutes != null;
      if (isRetryable) error.addErrorLabel('RetryableWriteError');
    }
    return error;
  };
}

/**
 * Labels the network error of an operation that waits for a connection while the pool is cleared. In a transaction the
 * driver does not label it, so that the transaction would not restart.
 *
 * This returns the driver's own promise. One that settles a turn later would release the connection before the implicit
 * session, and the next operation would take another session.
 */
function labellingWaits(run: RunOnServer): RunOnServer {
  return function (operation, timeoutContext) {
    const running = run.call(this, operation, timeoutContext);
    running.catch((error: unknown) => {
      const { session, command = {} } = operation;
      if (
        error instanceof MongoNetworkError &&
        session?.inTransaction() === true &&
        !endsTransaction(command)
      ) {
        error.addErrorLabel('TransientTransactionError');
      }
    });
    return running;
  };
}

function endsTransaction(command: Document): boolean {
  return 'commitTransaction' in command || 'abortTransaction' in command;
}
