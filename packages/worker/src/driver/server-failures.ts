import type { MongoClient } from 'mongodb';

import { processTimeMS } from '../protocol';
import {
  ConnectionClass,
  replaceMethod,
  ServerClass,
  type Connection,
  type HandleError,
  type WriteCommand,
} from './internals';

/** An error after which the driver marks a server Unknown. */
export interface MetFailure {
  readonly address: string;
  readonly error: Error;
  /** When the command that failed was sent, by `processTimeMS`. */
  readonly sentAt: number;
}

const reporters = new WeakMap<MongoClient, (failure: MetFailure) => void>();

/** When each connection sent its last command. */
const sent = new WeakMap<Connection, number>();

/** Calls `report` for each error of an operation that makes the driver mark a server of this client Unknown. */
export function onServerFailure(client: MongoClient, report: (failure: MetFailure) => void): void {
  reporters.set(client, report);
}

/**
 * Wraps the method with which this thread's copy of the driver (7.9) judges errors of operations, so that the main
 * thread's topology can follow. Errors of the driver's own monitoring are not reported, since the main thread has a
 * monitoring of its own.
 */
export function watchServerFailures(): void {
  replaceMethod(ConnectionClass?.prototype, 'writeCommand', timed);
  replaceMethod(ServerClass?.prototype, 'handleError', reported);
}

function timed(write: WriteCommand): WriteCommand {
  return function (command, options) {
    sent.set(this, processTimeMS());
    return write.call(this, command, options);
  };
}

function reported(handle: HandleError): HandleError {
  return function (error, connection) {
    const before = this.description;
    handle.call(this, error, connection);
    const { description } = this;
    if (description === before || description.error !== error) return;
    // A connection that fails to open is judged twice: by the pool and by the operation that waited for it.
    if (before.error === error) return;
    const sentAt = (connection && sent.get(connection)) ?? processTimeMS();
    reporters.get(this.topology.client)?.({ address: this.name, error: error as Error, sentAt });
  };
}
