import { CallFlag } from '@mongo-offload/worker/protocol';
import * as driver from 'mongodb';
import type { BulkWriteOptions, BulkWriteResult, Document } from 'mongodb';

import { Limits } from '../abort';
import { crossingOptions, decoding, mayBeBytes, withoutOurs } from '../calls';
import { offloadedState } from '../client';
import { bulkInternals, clientOf, type BulkInternals, ownAllMethods } from '../driver';
import {
  bulkResult,
  completeBulkError,
  limitedOnMain,
  sessionOf,
  collectionTarget,
} from '../methods';
import { readingOptionsOf, sliceOf, withDriversSession } from '../options';
import { joined, scopes } from '../transaction';
import { Statements } from './statements';

/** The driver's OrderedBulkOperation, whose `execute` runs in a worker thread. */
export class OrderedBulkOperation extends driver.OrderedBulkOperation {
  override async execute(options: BulkWriteOptions = {}): Promise<BulkWriteResult> {
    return await execute(bulkInternals(this), options, (joined) => super.execute(joined));
  }
}

/** The driver's UnorderedBulkOperation, whose `execute` runs in a worker thread. */
export class UnorderedBulkOperation extends driver.UnorderedBulkOperation {
  override async execute(options: BulkWriteOptions = {}): Promise<BulkWriteResult> {
    return await execute(bulkInternals(this), options, (joined) => super.execute(joined));
  }
}

ownAllMethods(OrderedBulkOperation, driver.OrderedBulkOperation);
ownAllMethods(UnorderedBulkOperation, driver.UnorderedBulkOperation);

/** Turns a bulk operation of the driver into one of ours. */
export function offloadedBulk<B extends object>(
  bulk: object,
  bulkClass: abstract new (...args: never[]) => B,
): B {
  return Object.setPrototypeOf(bulk, bulkClass.prototype as object) as B;
}

/**
 * Sends the statements of a bulk operation to a worker, in the order in which they were added.
 *
 * @param native - the driver's own method, for a client on the main thread and for the driver's errors
 */
async function execute(
  bulk: BulkInternals,
  given: BulkWriteOptions,
  native: (options: BulkWriteOptions) => Promise<BulkWriteResult>,
): Promise<BulkWriteResult> {
  const { collection, isOrdered, s } = bulk;
  const client = clientOf(collection);
  const state = offloadedState(client);
  const what = 'bulk.execute';
  const own = withDriversSession(given);
  const merged: BulkWriteOptions = { ...s.options, ...own };
  const all: BulkWriteOptions = scopes.used ? joined(client, merged, what) : merged;
  const options: BulkWriteOptions = all === merged ? own : { ...own, session: all.session };
  readingOptionsOf(all);
  if (state === undefined) {
    const limited = { what, on: collection, write: true };
    const rest = withoutOurs(options, false);
    return await limitedOnMain(client, all, limited, () => native(rest));
  }
  const session = sessionOf(all, client);
  if (session === 'foreign' || s.executed || bulk.batches.length === 0)
    return await native(options);
  state.prepare();
  const limits = new Limits(all, { what, write: true, defaults: state.link.offload });
  s.executed = true;
  const statements = new Statements(bulk, all);
  const decode = decoding(all, s.bsonOptions, state.link.offload);
  const crossing: Document = { ...crossingOptions(all, false), ordered: isOrdered };
  const { insertedIds } = s.bulkResult;
  // The application cannot change encoded statements, so they are copied in slices without its promise.
  const { offload } = state.link;
  const sliceMS = statements.areEncoded ? offload.sliceMS : sliceOf(all, offload);
  try {
    const { result } = await state.link.send({
      name: 'collection.bulkStatements',
      target: collectionTarget(collection),
      args: statements.encode(crossing, sliceMS),
      flags:
        (decode.plain ? CallFlag.none : CallFlag.exact) |
        (mayBeBytes(all) ? CallFlag.raw : CallFlag.none),
      decoding: decode,
      signal: limits.signal,
      session,
    });
    return bulkResult(result as Document, insertedIds, isOrdered);
  } catch (error) {
    throw completeBulkError(error as Error, insertedIds, isOrdered, (index) =>
      statements.operation(index),
    );
  } finally {
    limits.end();
  }
}
