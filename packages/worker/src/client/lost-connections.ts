import { MongoNetworkError, type ClientSession, type Document } from 'mongodb';

/** What is looked at of the driver's connections and servers, which are no public API of it. */
interface Connection {
  error: Error | null;
  description: { type: string; logicalSessionTimeoutMinutes?: number };
  on(event: 'close', listener: () => void): void;
  off(event: 'close', listener: () => void): void;
}
interface Server {
  topology: { s: { options: { retryWrites?: boolean } } };
}
interface Session extends ClientSession {
  isPinned: boolean;
  unpin(options: { force: boolean }): void;
}
interface Operation {
  session?: Session;
  /** Where it runs a command that it was given. */
  command?: Document;
}
type Write = (this: Connection, command: unknown, options: unknown) => Promise<void>;
type Decorate = (
  this: Server,
  connection: Connection,
  command: Document,
  options: { session?: Session } | undefined,
  error: Error,
) => Error;
type Run = (this: Server, operation: Operation, timeoutContext: unknown) => Promise<unknown>;

/**
 * Mends what this thread's copy of the driver (7.9) makes of connections that are lost under a command. A driver
 * that has no such methods any more is left as it is.
 */
export function mendLostConnections(): void {
  /* eslint-disable @typescript-eslint/no-require-imports -- the package has no ES exports of these */
  const connection = require('mongodb/lib/cmap/connection') as {
    Connection?: { prototype: { writeCommand?: Write } };
  };
  const server = require('mongodb/lib/sdam/server') as {
    Server?: { prototype: { decorateCommandError?: Decorate; command?: Run } };
  };
  /* eslint-enable @typescript-eslint/no-require-imports */
  const { prototype: connections } = connection.Connection ?? {};
  if (connections?.writeCommand !== undefined) {
    connections.writeCommand = settling(connections.writeCommand);
  }
  const { prototype: servers } = server.Server ?? {};
  if (servers?.decorateCommandError !== undefined) {
    servers.decorateCommandError = labelling(servers.decorateCommandError);
  }
  if (servers?.command !== undefined) servers.command = labellingWaits(servers.command);
}

/**
 * A command whose bytes the system does not take at once waits for the socket's `drain` or `error`. A connection
 * that is closed meanwhile (by the monitoring, a time limit, or `close()`) has neither: the driver waits for ever.
 * And one that breaks has the system's own error (`EPIPE`, `ECONNRESET`), which the driver neither retries nor
 * labels, and at a commit takes for a MongoError: it then throws a TypeError. The connection knows the right error.
 */
function settling(write: Write): Write {
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
 * Where several connections are lost together, the first clears the pool. The errors of the others, whose
 * connections are of an older generation then, the driver gives no labels: it retries none of their writes, and no
 * transaction begins anew. They get the labels that the first one has.
 */
function labelling(decorate: Decorate): Decorate {
  return function (connection, command, options, commandError) {
    const error = decorate.call(this, connection, command, options, commandError);
    if (!(error instanceof MongoNetworkError)) return error;
    const { session } = options ?? {};
    if (session?.hasEnded === false) session.serverSession.isDirty = true;
    if (session?.inTransaction() === true && !endsTransaction(command)) {
      error.addErrorLabel('TransientTransactionError');
      if (session.isPinned) session.unpin({ force: true });
    } else if (endsTransaction(command) || this.topology.s.options.retryWrites !== false) {
      // The server is not known any more; what it was, the connection knows.
      const { type, logicalSessionTimeoutMinutes } = connection.description;
      const isRetryable = type !== 'Standalone' && logicalSessionTimeoutMinutes != null;
      if (isRetryable) error.addErrorLabel('RetryableWriteError');
    }
    return error;
  };
}

/**
 * What waits for a connection as the pool is cleared fails with a network error as well; the driver has no label for it
 * in a transaction, which does not begin anew then.
 *
 * The promise is the driver's own: one that settles a turn later would give a connection on before its implicit
 * session, and the next operation would take another session.
 */
function labellingWaits(run: Run): Run {
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
