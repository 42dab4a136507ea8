import { Long, type AbstractCursor, type ClientSession, type Document } from 'mongodb';

import { untilAborted } from '../abort';
import { offloadedState } from '../client';
import {
  clientOf,
  inside,
  namespaceFromString,
  type BufferedDocuments,
  type CursorInternals,
} from '../driver';
import { runOnMain, scopes } from '../transaction';
import { offloadExplain } from './explain-and-count';
import {
  fetchOnce,
  forgetCalls,
  inOrder,
  isBusy,
  noteTransforming,
  checkNotCutOff,
  cutOff,
  isOutdated,
  noteRewind,
  rewound,
  offloadedCursorState,
  type CursorDescription,
  type Describe,
  makeImplicitSession,
  openRemote,
  type RemoteCursor,
} from './remote';
import { endDeadline, opened, ownOptionsOf, startDeadline, stopDeadline } from './cursor-limits';
import { rememberOrigin, sessionForReading } from './cursor-session';
import { yieldAfter } from './slice';

type Cursor = CursorInternals & AbstractCursor;

/** The worker's cursor that each cursor here reads, from its first command until it is rewound. */
const remotes = new WeakMap<AbstractCursor, RemoteCursor>();
export function remoteOf(cursor: AbstractCursor): RemoteCursor | undefined {
  return remotes.get(cursor);
}

/**
 * Turns a cursor of the driver into one of ours, which is read in a worker. It stays the same object with the same
 * state.
 *
 * @param options - the options that it was made with, if the cursor does not keep them
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
 * Makes the cursors of one class read in a worker. The driver's cursor keeps its logic and state. Only the three places
 * where it would talk to a server are replaced: the first command, getMore, and killCursors.
 *
 * @param describe - returns what the worker needs to open a cursor of the class
 * @param transactional - whether the cursors can take part in a transaction
 */
export function offloadCursorClass(
  prototype: AbstractCursor,
  describe: Describe,
  { transactional }: { transactional: boolean },
): void {
  const native = inside(prototype);
  const { cursorInit, fetchBatch, getMore, cleanup, transformDocument } = native;
  const { next, tryNext, hasNext, rewind } = prototype;
  const isDead = getter(prototype, 'isDead');

  const describeWith = (cursor: AbstractCursor): CursorDescription => {
    const description = describe(inside(cursor));
    const own = ownOptionsOf(cursor);
    if (own !== undefined) description.options = { ...description.options, ...own };
    return description;
  };

  const replacement = {
    async cursorInit(this: Cursor): Promise<void> {
      // The driver accepts null for no signal.
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
        const remote = await openRemote(this, state, description, signal);
        remotes.set(this, remote);
        // The cursor was closed while its first command was under way.
        if (this.isClosed) throw cutOff(this);
        this.documents = remote.first;
        this.cursorId = remote.first.id;
        // A small result comes without a namespace. It is the cursor's own.
        this.cursorNamespace = remote.first.ns ?? namespaceFromString(String(this.cursorNamespace));
        this.initialized = true;
        if (this.cursorSession == null && !this.cursorId.isZero()) makeImplicitSession(this);
        opened(this);
      } catch (error) {
        this.initialized = true;
        await this.cleanup(undefined, error as Error);
        throw error;
      }
      if (this.isDead) await this.cleanup();
    },

    fetchBatch(this: Cursor): Promise<void> {
      return fetchOnce(this, fetchBatch);
    },

    async getMore(this: Cursor): Promise<BufferedDocuments> {
      const remote = remotes.get(this);
      const state = remote && offloadedState(clientOf(this));
      if (remote === undefined || state === undefined) {
        const options = { what: 'cursor.getMore', on: this, signal: this.signal, quiet: true };
        const more = runOnMain(this.cursorSession, options, () => getMore.call(this));
        return await untilAborted(more, this.signal);
      }
      await yieldAfter(state.link.offload.sliceMS);
      const { batchSize } = this.cursorOptions;
      const isRewound = (): boolean => remotes.get(this) !== remote;
      if (isRewound()) throw rewound();
      try {
        const batch = await remote.next(batchSize === undefined ? {} : { batchSize }, this.signal);
        // The cursor was closed while the batch was on its way. No further batch comes, although the result has more.
        if (this.isClosed && !isRewound()) throw cutOff(this);
        if (!isRewound()) return batch;
      } catch (error) {
        if (!isRewound()) throw error;
      }
      throw rewound();
    },

    async transformDocument(this: Cursor, document: unknown): Promise<unknown> {
      // This is our only frame here, so that the stack of what `map()` throws has room for the caller's line.
      const done = noteTransforming(this);
      try {
        return await transformDocument.call(this, document);
      } finally {
        done();
      }
    },

    next(this: Cursor): Promise<unknown> {
      return afterEarlierCalls(this, next);
    },

    tryNext(this: Cursor): Promise<unknown> {
      return afterEarlierCalls(this, tryNext);
    },

    hasNext(this: Cursor): Promise<boolean> {
      return afterEarlierCalls(this, hasNext);
    },

    async cleanup(this: Cursor, timeoutMS?: number, error?: Error): Promise<void> {
      // A read that began before `rewind` must not close the cursor for those that follow.
      if (isOutdated(error)) return;
      const remote = remotes.get(this);
      stopDeadline(this);
      // After a failed getMore, the worker has already killed its cursor.
      const failed = error !== undefined && this.cursorId?.isZero() !== true;
      if (remote !== undefined && (failed || !remote.finished)) {
        this.isClosed = true;
        this.isKilled = true;
        this.cursorId = Long.ZERO;
        // After an abort, nobody waits for the close.
        if (this.signal?.aborted === true) void remote.close(true);
        else await remote.close();
      }
      await cleanup.call(this, timeoutMS, error);
    },

    rewind(this: Cursor): void {
      const remote = remotes.get(this);
      const { initialized } = this;
      rewind.call(this);
      noteRewind(this);
      // The driver's `rewind` does nothing before the first command was answered.
      if (!initialized) return;
      remotes.delete(this);
      forgetCalls(this);
      endDeadline(this);
      void remote?.close();
    },
  };
  for (const [name, value] of Object.entries(replacement)) {
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
  }
  Object.defineProperty(prototype, 'isDead', {
    configurable: true,
    get(this: Cursor): boolean {
      const remote = remotes.get(this);
      // The server's cursor id is already zero while batches of its last reply are still on their way.
      if (remote !== undefined) return remote.finished || this.isClosed || this.isKilled;
      return isDead.call(this) as boolean;
    },
  });
  Object.defineProperty(prototype, 'session', {
    configurable: true,
    get(this: Cursor): ClientSession | null {
      // If the server keeps no cursor, the session has ended. It is made only here, since few applications read it.
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

/** Runs a method of the driver: at once if a document has arrived for it, otherwise after all earlier calls. */
function afterEarlierCalls<T>(cursor: Cursor, step: (this: Cursor) => Promise<T>): Promise<T> {
  if ((cursor.documents?.length ?? 0) > 0 && !cursor.isKilled && !isBusy(cursor)) {
    return step.call(cursor);
  }
  return inOrder(cursor, async () => {
    checkNotCutOff(cursor);
    return await step.call(cursor);
  });
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
