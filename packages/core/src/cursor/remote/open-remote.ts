import { CallFlag, type OpenedCursor } from '@mongo-offload/worker/protocol';
import { MongoNetworkError, MongoServerSelectionError, type AbstractCursor } from 'mongodb';

import { encodeArguments, decoding, tapeFlags } from '../../calls';
import type { Call, Served, ClientState } from '../../client';
import type { CursorInternals } from '../../driver';
import type { WholeResult } from '../../pool';
import { crossing, sessionLink, targetOf, type CursorDescription } from './description';
import { RemoteCursor } from './remote-cursor';

/** Opens a cursor in a worker, for a cursor on the main thread to read. */
export async function openRemote(
  cursor: CursorInternals & AbstractCursor,
  state: ClientState,
  description: CursorDescription,
  signal: AbortSignal | undefined,
): Promise<RemoteCursor> {
  state.prepare();
  const decode = decoding(description.options, undefined, state.link.offload);
  const options = crossing(description);
  const session = sessionLink(cursor, cursor.cursorSession);
  const transaction = session?.transaction;
  const call: Call = {
    name: 'cursor.open',
    target: targetOf(state, description),
    args: encodeArguments(
      { a: description.kind, b: description.args, o: options },
      description.options,
      { lookedInto: 1 },
    ),
    flags: decode.onTape ? tapeFlags(decode) : CallFlag.none,
    decoding: decode,
    signal,
    session,
    writes: description.writes,
    order: description.order,
    cursor: description.kind,
    // A change stream stays open, so it does not count as load. No limit on load may end it when it resumes.
    exemption: description.kind === 'changeStream' ? 'background' : undefined,
  };
  const { result, lane, id } = await sent(state, call, cursor, description.tries);
  // In a session, a getMore ahead of need could run at the same time as another operation of the session.
  const ahead = description.options.tailable !== true && session === undefined;
  const credit = ahead ? state.link.offload.readAhead : 1;
  return new RemoteCursor(result as OpenedCursor | WholeResult, {
    lane,
    call: id,
    decoding: decode,
    credit,
    session,
    transaction,
    reported: {
      kind: description.kind,
      database: description.namespace.db,
      collection: description.namespace.collection,
      session: session !== undefined,
    },
  });
}

async function sent(
  state: ClientState,
  call: Call,
  cursor: AbstractCursor,
  tries = 1,
): Promise<Served> {
  try {
    return await state.link.send(call);
  } catch (error) {
    const isLoss = error instanceof MongoNetworkError || error instanceof MongoServerSelectionError;
    if (tries <= 1 || !isLoss || cursor.closed) throw error;
    // Subscribers of the operation channel see each attempt as a separate operation.
    return await sent(state, { ...call, context: undefined }, cursor, tries - 1);
  }
}
