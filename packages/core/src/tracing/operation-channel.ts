import { tracingChannel } from 'node:diagnostics_channel';

import type { CursorKind } from '@mongo-offload/worker/protocol';

/**
 * What the TracingChannel `mongo-offload:operation` reports of an operation. All events of one operation share one
 * object, which gains properties on the way. It contains no values from filters, documents or options. Its `error` is
 * the same object that the application gets.
 */
export interface OperationContext {
  /** `collection.findOne`, `db.command`, `cursor.open`, `cursor.getMore`, `session.commitTransaction`, … */
  operation: string;
  database?: string;
  collection?: string;
  /** Index of the worker that serves it, from 0. Set from `end` on; absent if it runs on the main thread. */
  worker?: number;
  /** Whether it has a session: from the application, or from the transaction around it. */
  session: boolean;
  /** Whether it is part of a transaction. */
  transaction: boolean;
  /** The cursor, if it is a cursor's operation. */
  cursor?: CursorFacts;
  /** Number of documents that it read, inserted, changed or deleted. Set at the end, if it is known. */
  documents?: number;
  /** Why it failed. */
  error?: unknown;
}

/** What the channel reports of a cursor. */
export interface CursorFacts {
  /** The kind of cursor, named after the method or command that creates it. */
  kind: CursorKind;
  /** Number of the batch that the worker sent, from 1. It may be a part of a batch of the server's. */
  batch?: number;
  /** Whether there is more to read. Set at the end. */
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
 * @param complete - adds what the result shows to the context
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
