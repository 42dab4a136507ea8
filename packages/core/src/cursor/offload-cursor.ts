import { CallFlag, type OpenedCursor } from '@mongo-offload/worker/protocol';
import {
  Long,
  MongoNetworkError,
  MongoServerSelectionError,
  type AbstractCursor,
  type ClientSession,
  type Document,
} from 'mongodb';

import { untilAborted } from '../abort/until-aborted';
import { encodeArguments } from '../calls/arguments';
import { decoding, tapeFlags } from '../calls/options';
import type { Call } from '../client/call';
import type { Served } from '../client/dispatch';
import { offloadedState, type ClientState } from '../client/state';
import {
  clientOf,
  inside,
  namespaceFromString,
  type BufferedDocuments,
  type CursorInternals,
} from '../driver/internals';
import type { WholeResult } from '../pool/whole-result';
import { runOnMain, scopes } from '../transaction';
import { offloadExplain } from './beside';
import { endDeadline, opened, ownOptionsOf, startDeadline, stopDeadline } from './cursor-limits';
import {
  crossing,
  offloadedCursorState,
  sessionLink,
  targetOf,
  type CursorDescription,
  type Describe,
} from './description';
import { makeImplicitSession } from './implicit-session';
import { rememberOrigin, sessionForReading } from './joining';
import { RemoteCursor } from './remote-cursor';
import { yieldAfter } from './slice';

/** The cursor in the worker that a cursor here reads, from its first command until it is rewound. */
const remotes = new WeakMap<AbstractCursor, RemoteCursor>();
export function remoteOf(cursor: AbstractCursor): RemoteCursor | undefined {
  return remotes.get(cursor);
}

/**
 * Makes a cursor of the driver's one of ours: same object, same state, read in a worker.
 *
 * @param options - those that it was made with, where it does not keep them
 */
export function offloadedCursor<C extends object>(
  cursor: AbstractCursor,
  cursorClass: abstract new (...args: never[]) => C,
  options?: Document,
): C {
  if (scopes.used) rememberOrigin(cursor, options ?? optionsOf(cursor));
  return Object.setPrototypeOf(cursor, cursorClass.prototype as object) as C;
}

function optionsOf(cursor: AbstractCursor): Document | undefined {
  const { findOptions, aggregateOptions, options } = inside(cursor);
  return findOptions ?? aggregateOptions ?? options;
}

/**
 * Lets the cursors of one class be read in a worker. The driver's cursor keeps its whole logic and
 * state; what is replaced are the three places where it would talk to a server: the first command,
 * getMore, and killCursors.
 *
 * @param describe - what a cursor of the class is opened with in the worker
 * @param transactional - whether it can take part in a transaction
 */
export function offloadCursorClass(
  prototype: AbstractCursor,
  describe: Describe,
  { transactional }: { transactional: boolean },
): void {
  const native = inside(prototype);
  const { cursorInit, getMore, cleanup } = native;
  const nativeRewind = prototype.rewind;
  const isDead = getter(prototype, 'isDead');

  const describeWith = (cursor: AbstractCursor): CursorDescription => {
    const description = describe(inside(cursor));
    const own = ownOptionsOf(cursor);
    if (own !== undefined) description.options = { ...description.options, ...own };
    return description;
  };

  const replacement = {
    async cursorInit(this: CursorInternals & AbstractCursor): Promise<void> {
      // The driver takes null for none.
      this.signal ??= undefined;
      if (scopes.used && transactional) {
        const what = `The ${this.constructor.name}'s query`;
        this.cursorSession = sessionForReading(this, what) ?? null;
      }
      const state = offloadedCursorState(this);
      if (state === undefined) {
        const signal = startDeadline(this, describeWith(this));
        const options = { what: 'cursor.open', on: this, signal };
        const opening = runOnMain(this.cursorSession, options, () => cursorInit.call(this));
        await untilAborted(opening, signal);
        opened(this);
        return;
      }
      try {
        const description = describeWith(this);
        const signal = startDeadline(this, description);
        const remote = await open(this, state, description, signal);
        remotes.set(this, remote);
        this.documents = remote.first;
        this.cursorId = remote.first.id;
        // A small result comes without the server's name for it, which is the cursor's own.
        this.cursorNamespace = remote.first.ns ?? namespaceFromString(String(this.cursorNamespace));
        this.initialized = true;
        if (this.cursorSession == null && !this.cursorId.isZero()) makeImplicitSession(this);
        opened(this);
      } catch (error) {
        this.initialized = true;
        await this.cleanup(undefined, error as Error);
        throw error;
      }
      // It may also have been closed while its first command was under way.
      if (this.isDead) await this.cleanup();
    },

    async getMore(this: CursorInternals & AbstractCursor): Promise<BufferedDocuments> {
      const remote = remotes.get(this);
      const state = remote && offloadedState(clientOf(this));
      if (remote === undefined || state === undefined) {
        const options = { what: 'cursor.getMore', on: this, signal: this.signal, quiet: true };
        const more = runOnMain(this.cursorSession, options, () => getMore.call(this));
        return await untilAborted(more, this.signal);
      }
      await yieldAfter(state.link.offload.sliceMS);
      const { batchSize } = this.cursorOptions;
      return await remote.next(batchSize === undefined ? {} : { batchSize }, this.signal);
    },

    async cleanup(
      this: CursorInternals & AbstractCursor,
      timeoutMS?: number,
      error?: Error,
    ): Promise<void> {
      const remote = remotes.get(this);
      stopDeadline(this);
      // Behind a getMore that failed, the worker's cursor has been killed already.
      const failed = error !== undefined && this.cursorId?.isZero() === false;
      if (remote !== undefined && (failed || !remote.finished)) {
        this.isClosed = true;
        this.isKilled = true;
        this.cursorId = Long.ZERO;
        // Who has given it up waits for nothing more.
        if (this.signal?.aborted === true) void remote.close(true);
        else await remote.close();
      }
      await cleanup.call(this, timeoutMS, error);
    },

    rewind(this: AbstractCursor & CursorInternals): void {
      const remote = remotes.get(this);
      nativeRewind.call(this);
      remotes.delete(this);
      endDeadline(this);
      void remote?.close();
    },
  };
  for (const [name, value] of Object.entries(replacement)) {
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
  }
  Object.defineProperty(prototype, 'isDead', {
    configurable: true,
    get(this: CursorInternals & AbstractCursor): boolean {
      const remote = remotes.get(this);
      // The server's id says zero while batches of the last reply may still be on their way.
      if (remote !== undefined) return remote.finished || this.isClosed || this.isKilled;
      return isDead.call(this) as boolean;
    },
  });
  Object.defineProperty(prototype, 'session', {
    configurable: true,
    get(this: CursorInternals & AbstractCursor): ClientSession | null {
      // What the server keeps no cursor for has ended its session: few look at that.
      if (this.cursorSession == null && this.initialized)
        void makeImplicitSession(this).endSession();
      return this.cursorSession;
    },
    set(this: CursorInternals, session: ClientSession | null) {
      this.cursorSession = session;
    },
  });
  offloadExplain(prototype, describeWith);
}

async function open(
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
    // A stream is no load that comes and goes, and must not end for it where it resumes.
    exemption: description.kind === 'changeStream' ? 'apart' : undefined,
  };
  const { result, lane, id } = await sent(state, call, cursor, description.tries);
  // In a session, what is read ahead would be at work while something else of the session's is.
  const ahead = description.options.tailable !== true && session === undefined;
  const credit = ahead ? state.link.offload.readAhead : 1;
  return new RemoteCursor(result as OpenedCursor | WholeResult, {
    lane,
    call: id,
    decoding: decode,
    credit,
    transaction,
    told: {
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
    // An operation of its own, for whoever is told of them.
    return await sent(state, { ...call, context: undefined }, cursor, tries - 1);
  }
}

function getter(prototype: object, name: string): () => unknown {
  let at: object | null = prototype;
  while (at !== null) {
    const get = Object.getOwnPropertyDescriptor(at, name)?.get;
    if (get !== undefined) return get;
    at = Object.getPrototypeOf(at) as object | null;
  }
  throw new TypeError(`the driver's cursors have no getter ${name}`);
}
