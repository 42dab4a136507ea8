import type { CursorKind } from '@mongo-offload/worker/protocol';

import type { OperationContext } from './operation-channel';

/** What the channel reports of a cursor with each of its operations. */
export interface CursorTold {
  readonly kind: CursorKind;
  readonly database: string;
  readonly collection: string | undefined;
  readonly session: boolean;
}

/** Returns what the channel reports of an operation on an open cursor. */
export function cursorContext(
  operation: string,
  { kind, database, collection, session }: CursorTold,
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

/** A batch has come. */
export function completeCursor(
  context: OperationContext,
  batch: { readonly length: number; readonly last: boolean },
): void {
  context.documents = batch.length;
  if (context.cursor !== undefined) context.cursor.more = !batch.last;
}
