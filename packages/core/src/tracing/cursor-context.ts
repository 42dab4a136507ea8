import type { CursorKind } from '@mongo-offload/worker/protocol';

import type { OperationContext } from './operation-channel';

/** The properties of a cursor that the channel reports with each of its operations. */
export interface TracedCursor {
  readonly kind: CursorKind;
  readonly database: string;
  readonly collection: string | undefined;
  readonly session: boolean;
}

/** Returns the context with which the channel reports an operation on an open cursor. */
export function cursorContext(
  operation: string,
  { kind, database, collection, session }: TracedCursor,
  { worker, transaction, batch }: { worker: number; transaction: boolean; batch?: number },
): OperationContext {
  return {
    operation,
    database,
    ...(collection === undefined ? {} : { collection }),
    worker,
    session,
    transaction,
    cursor: batch === undefined ? { kind } : { kind, batch },
  };
}

/** Adds a batch that has arrived to the operation's context. */
export function completeCursor(
  context: OperationContext,
  batch: { readonly length: number; readonly last: boolean },
): void {
  context.documents = batch.length;
  if (context.cursor !== undefined) context.cursor.more = !batch.last;
}
