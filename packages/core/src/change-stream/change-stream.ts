import * as driver from 'mongodb';
import type { AbstractCursor, ChangeStreamDocument, ChangeStreamOptions, Document } from 'mongodb';

import { untilAborted } from '../abort';
import { keepOwnOptions, offloadedCursor } from '../cursor';
import { inside, type ChangeStreamInternals, type ClientInternals, ownAllMethods } from '../driver';
import { checkOwnOptions } from '../options';
import { timers } from '../event-loop';
import { ChangeStreamCursor, RESUME_TRIES, resumes } from './change-stream-cursor';

/**
 * The driver's ChangeStream, whose cursor is read in a worker thread. Events, modes, the resume
 * token and the decision what to resume from are the driver's own, here; only what a server is
 * asked crosses. A stream whose worker died resumes on another.
 *
 * With `signal` among its options it is closed when that is aborted: what waits for a change rejects with
 * the signal's reason, and a stream with listeners emits it as its error.
 */
export class ChangeStream<
  TSchema extends Document = Document,
  TChange extends Document = ChangeStreamDocument<TSchema>,
> extends driver.ChangeStream<TSchema, TChange> {
  override async next(): Promise<TChange> {
    const signal = signalOfStream(this);
    const call = inOrder(this, () => super.next());
    return await untilAborted(call, signal);
  }

  override async hasNext(): Promise<boolean> {
    const signal = signalOfStream(this);
    const call = inOrder(this, () => super.hasNext());
    return await untilAborted(call, signal);
  }

  override async tryNext(): Promise<TChange | null> {
    const signal = signalOfStream(this);
    const call = inOrder(this, () => super.tryNext());
    return await untilAborted(call, signal);
  }

  override async close(): Promise<void> {
    limits.get(this)?.stop?.();
    await super.close();
  }
}

/** Settles when the last call that reads the stream ends, with that call's error if it fails. */
const lastCalls = new WeakMap<object, Promise<{ error: unknown } | undefined>>();

/**
 * Runs a call that reads a stream after the earlier ones have ended. If they ran side by side, each would resume the
 * stream after an error, and all new cursors but one would be lost with their changes.
 *
 * Only the caller may wait for the returned promise: V8 follows an async stack through a single waiter only.
 */
async function inOrder<T>(stream: { closed: boolean }, step: () => Promise<T>): Promise<T> {
  const before = lastCalls.get(stream);
  let end!: (failed: { error: unknown } | undefined) => void;
  const last = new Promise<{ error: unknown } | undefined>((resolve) => (end = resolve));
  lastCalls.set(stream, last);
  let failed: { error: unknown } | undefined;
  try {
    const failedBefore = before === undefined ? undefined : await before;
    // The earlier call ended the stream, so this call fails with the same error.
    if (failedBefore !== undefined && stream.closed) throw failedBefore.error;
    return await step();
  } catch (error) {
    failed = { error };
    throw error;
  } finally {
    if (lastCalls.get(stream) === last) lastCalls.delete(stream);
    end(failed);
  }
}

/** The options of ours that a stream was made with, and what takes its listener off the signal. */
const limits = new WeakMap<object, { options: Document; stop?: () => void }>();

function signalOfStream(stream: object): AbortSignal | undefined {
  const signal = limits.get(stream)?.options.signal as AbortSignal | undefined;
  signal?.throwIfAborted();
  return signal;
}

const native = driver.ChangeStream.prototype as unknown as ChangeStreamInternals;

const replacement = {
  async _resume(this: ChangeStreamInternals, changeStreamError: Error): Promise<void> {
    if (this.timeoutContext == null) await untilReachable(this);
    // One that was closed meanwhile needs no new cursor, and nobody would close it.
    if (this.isClosed) return;
    await native._resume.call(this, changeStreamError);
  },

  /** The stream's cursor, each time it resumes. */
  _createChangeStreamCursor(this: ChangeStreamInternals, options: Document): AbstractCursor {
    const cursor = native._createChangeStreamCursor.call(this, options);
    resumes(cursor);
    return adopted(this, cursor);
  },

  _streamEvents(this: ChangeStreamInternals, cursor: AbstractCursor): void {
    // When it resumes, the driver comes here before it hands the new cursor out.
    native._streamEvents.call(this, adopted(this, cursor));
    // A stream that begins to flow reads in the next tick. Beginning now sends the command before
    // that of an insert in the line below `on('change')`.
    this.cursorStream?.read(0);
  },
};

for (const [name, value] of Object.entries(replacement)) {
  Object.defineProperty(ChangeStream.prototype, name, {
    value,
    writable: true,
    configurable: true,
  });
}
ownAllMethods(ChangeStream, driver.ChangeStream);

/** Waits for a server to resume from. The driver's own attempt, and its error, follow. */
async function untilReachable(stream: ChangeStreamInternals): Promise<void> {
  const { parent } = stream;
  const client = 'client' in parent ? parent.client : parent;
  const { topology } = client as unknown as ClientInternals;
  const needsPrimary = stream.cursor.readPreference.mode === 'primary';
  for (let tries = 1; tries < RESUME_TRIES && !stream.isClosed; tries++) {
    try {
      await topology?.selectServer(
        ({ type }, servers) =>
          needsPrimary && type === 'ReplicaSetNoPrimary'
            ? []
            : servers.filter((server) => server.type !== 'Unknown'),
        { operationName: 'reconnect topology in change stream' },
      );
      return;
    } catch {
      // None could be selected.
    }
  }
}

function adopted(stream: object, cursor: AbstractCursor): AbstractCursor {
  const options = limits.get(stream)?.options;
  if (options !== undefined) {
    inside(cursor).signal = options.signal as AbortSignal | undefined;
    keepOwnOptions(cursor, options);
  }
  return offloadedCursor(cursor, ChangeStreamCursor as never);
}

type WatchArguments = [pipeline: Document[] | undefined, options: ChangeStreamOptions | undefined];

/**
 * Makes a change stream of the driver's and lets it be one of ours: same object, same state, read in a
 * worker. What the driver would send to the server as part of its stage, options of ours, it does not get.
 *
 * @param make - the driver's own `watch`
 */
export function watching<TSchema extends Document, TChange extends Document>(
  make: (watched: WatchArguments) => driver.ChangeStream<TSchema, TChange>,
  pipeline: Document[] | undefined,
  options: ChangeStreamOptions | undefined,
): ChangeStream<TSchema, TChange> {
  // The driver takes options without a pipeline as well.
  const alone = pipeline !== undefined && !Array.isArray(pipeline);
  const given = checkOwnOptions((alone ? pipeline : options) as Document | null | undefined);
  const { signal, deadlineMS, offload, ...rest } = (given ?? {}) as Record<string, unknown>;
  const all = given == null ? given : (rest as ChangeStreamOptions);
  const stream = make(alone ? [all as never, undefined] : [pipeline, all ?? undefined]);
  const own: Document = { signal, deadlineMS, offload };
  if (Object.values(own).some((option) => option != null)) limit(stream, own);
  adopted(stream, (stream as unknown as ChangeStreamInternals).cursor);
  return Object.setPrototypeOf(stream, ChangeStream.prototype) as ChangeStream<TSchema, TChange>;
}

function limit(stream: { close(): Promise<void> }, options: Document): void {
  const signal = (options.signal ?? undefined) as AbortSignal | undefined;
  if (signal === undefined) {
    limits.set(stream, { options: { ...options, signal } });
    return;
  }
  const close = (): void => {
    // Where there are listeners, the stream that feeds them tells them first.
    timers.setImmediate(() => void stream.close().catch(() => undefined));
  };
  signal.addEventListener('abort', close, { once: true });
  limits.set(stream, { options, stop: () => signal.removeEventListener('abort', close) });
}
