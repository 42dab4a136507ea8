import type { CursorKind, OpenedCursor, OperationName } from '@mongo-offload/worker/protocol';
import { Admin, type ClientSession, type MongoDBNamespace } from 'mongodb';

import { dbOf } from '../driver';
import { documentCount } from './document-count';
import { operationChannel, traced, type OperationContext } from './operation-channel';

/** The application's names for operations that have another name in the worker protocol. */
const NAMES: Partial<Record<OperationName, string>> = {
  'client.probe': 'client.waitUntilReady',
  'collection.bulkStatements': 'bulk.execute',
  'collection.createIndexApart': 'collection.createIndex',
  'collection.createIndexesOpen': 'collection.createIndexes',
};

/** The properties of a call to a worker that its trace reports. */
export interface TraceableCall {
  name: OperationName;
  target: { definition: { db?: { name: string }; collection?: { name: string } } };
  session?: { inTransaction: boolean };
  /** The kind of cursor that the call opens. */
  cursor?: CursorKind;
  /** Set by `tracedCall`, so that later steps can add to it. */
  context?: OperationContext;
}

/** Runs a call to a worker, and reports it on the channel. */
export async function tracedCall<T>(
  call: TraceableCall,
  work: () => Promise<T>,
  resultOf: (served: T) => unknown,
): Promise<T> {
  const { name, target, session, cursor } = call;
  const { db, collection } = target.definition;
  const context: OperationContext = {
    operation: NAMES[name] ?? name,
    ...(db === undefined ? {} : { database: db.name }),
    ...(collection === undefined ? {} : { collection: collection.name }),
    session: session !== undefined,
    transaction: session?.inTransaction === true,
    ...(cursor === undefined ? {} : { cursor: { kind: cursor } }),
  };
  call.context = context;
  return await traced(context, work, (_, served) => complete(context, resultOf(served)));
}

function complete(context: OperationContext, result: unknown): void {
  const { operation, cursor } = context;
  if (operation === 'cursor.open' && cursor !== undefined) {
    const { batch } = result as OpenedCursor;
    context.documents = batch.chunk.count;
    cursor.batch = 1;
    cursor.more = batch.more;
    return;
  }
  const documents = documentCount(operation, result);
  if (documents !== undefined) context.documents = documents;
}

/** Returns whether the session is the application's own. The driver gives every cursor a session. */
function isExplicit(session: ClientSession | null | undefined): boolean {
  return (session as { explicit?: boolean } | null | undefined)?.explicit === true;
}

/** The object on which an operation on the main thread is called. */
type CalledOn = object & {
  dbName?: string;
  databaseName?: string;
  collectionName?: string;
  namespace?: MongoDBNamespace | string;
};

/** Runs an operation on the main thread, and reports it if the channel has subscribers. */
export async function tracedOnMain<T>(
  operation: string,
  on: object,
  session: ClientSession | null | undefined,
  work: () => Promise<T>,
): Promise<T> {
  if (!operationChannel.hasSubscribers) return await work();
  const { database, collection } = namesOf(on);
  const context: OperationContext = {
    operation: NAMES[operation as OperationName] ?? operation,
    ...(database === undefined ? {} : { database }),
    ...(collection === undefined ? {} : { collection }),
    session: isExplicit(session),
    transaction: session?.inTransaction() === true,
  };
  return await traced(context, work, (_, result) => complete(context, result));
}

function namesOf(on: CalledOn): { database?: string; collection?: string } {
  if (on instanceof Admin) return { database: dbOf(on).databaseName };
  const { namespace } = on;
  if (typeof namespace === 'object') {
    return { database: namespace.db, collection: namespace.collection };
  }
  return { database: on.dbName ?? on.databaseName, collection: on.collectionName };
}
