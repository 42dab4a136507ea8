import { tracingChannel } from 'node:diagnostics_channel';

import type { CursorKind } from '@mongo-offload/worker/protocol';

/**
 * What the TracingChannel `mongo-offload:operation` reports of an operation: one object from its start to its
 * end, completed on the way. No value of a filter, a document or an option is in it; `error` is the very
 * error that the program gets.
 */
export interface OperationContext {
  /** `collection.findOne`, `db.command`, `cursor.open`, `cursor.getMore`, `session.commitTransaction`, … */
  operation: string;
  database?: string;
  collection?: string;
  /** Which of the process's worker threads serves it, from 0: from `end` on. Absent where it runs on the main thread. */
  worker?: number;
  /** The program gave it a session, or it has that of a transaction around it. */
  session: boolean;
  /** It is part of a transaction. */
  transaction: boolean;
  /** Of a cursor's operations. */
  cursor?: CursorFacts;
  /** How many documents it read, or inserted, changed and deleted: there at the end, where that is known. */
  documents?: number;
  /** Why it failed. */
  error?: unknown;
}

/** What the channel reports of a cursor. */
export interface CursorFacts {
  /** What kind of cursor it is, by the method or command that makes it. */
  kind: CursorKind;
  /** Which of its batches this is, from 1: what a worker sends at once may be part of the server's. */
  batch?: number;
  /** Whether there is more to read: there at the end. */
  more?: boolean;
}

/** The channel of operations. Callers check first whether it has subscribers. */
export const operationChannel = tracingChannel<unknown, OperationContext>(
  'mongo-offload:operation',
);

/**
 * Runs an operation and reports it, like `TracingChannel.tracePromise`, except that the result is not reported and that
 * the error's stack still shows the application's line.
 *
 * @param complete - what the result says of the operation
 */
export async function traced<T>(
  context: OperationContext,
  work: () => Promise<T>,
  complete?: (context: OperationContext, result: T) => void,
): Promise<T> {
  const { start, end, asyncStart, asyncEnd, error: failed } = operationChannel;
  try {
    const result = await start.runStores(context, () => {
      try {
        return work();
      } finally {
        end.publish(context);
      }
    });
    complete?.(context, result);
    return result;
  } catch (error) {
    context.error = error;
    failed.publish(context);
    throw error;
  } finally {
    asyncStart.publish(context);
    asyncEnd.publish(context);
  }
}
