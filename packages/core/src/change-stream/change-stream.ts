import * as driver from 'mongodb';
import type { AbstractCursor, ChangeStreamDocument, ChangeStreamOptions, Document } from 'mongodb';

import { untilAborted } from '../abort';
import { keepOwnOptions, offloadedCursor } from '../cursor';
import { inside, type ChangeStreamInternals, type ClientInternals, ownAllMethods } from '../driver';
import { checkOwnOptions } from '../options';
import { timers } from '../event-loop';
import { ChangeStreamCursor, RESUME_TRIES, resumes } from './change-stream-cursor';

/**
 * The driver's ChangeStream, whose cursor is read in a worker thread. The driver's code for events, modes and resuming
 * runs on the main thread; only commands to the server cross. If its worker dies, the stream resumes on another.
 *
 * An abort of the option `signal` closes the stream. Calls that wait for a change reject with the signal's reason, and
 * a stream with listeners emits it as its error.
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

/** For each stream: resolves when the last call that reads it ends, with the call's error if it failed. */
const lastCalls = new WeakMap<object, Promise<{ error: unknown } | undefined>>();

/**
 * Runs a call that reads a stream after all earlier ones. If several ran at the same time, each would resume the stream
 * after an error, and all but one of the new cursors would be lost with their changes.
 *
 * Only the caller may await the returned promise: V8 follows an async stack through a single waiter only.
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

/** The options of ours that a stream was made with, and the function that removes its listener from the signal. */
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
    // A stream that was closed meanwhile needs no new cursor. Nobody would close that cursor.
    if (this.isClosed) return;
    await native._resume.call(this, changeStreamError);
  },

  /** Makes the stream's cursor each time the stream resumes. */
  _createChangeStreamCursor(this: ChangeStreamInternals, options: Document): AbstractCursor {
    const cursor = native._createChangeStreamCursor.call(this, options);
    resumes(cursor);
    return adopted(this, cursor);
  },

  _streamEvents(this: ChangeStreamInternals, cursor: AbstractCursor): void {
    // When a stream resumes, the driver calls this before it returns the new cursor.
    native._streamEvents.call(this, adopted(this, cursor));
    // A stream starts to read in the next tick. Reading now sends its command before that of an insert that the
    // application calls right after `on('change')`.
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
      // No server could be selected in time.
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
 * Makes a change stream of the driver and turns it into one of ours, which is read in a worker. It stays the same
 * object with the same state. The driver does not get our options, since it would send them to the server in the stage.
 *
 * @param make - the driver's own `watch`
 */
export function watching<TSchema extends Document, TChange extends Document>(
  make: (watched: WatchArguments) => driver.ChangeStream<TSchema, TChange>,
  pipeline: Document[] | undefined,
  options: ChangeStreamOptions | undefined,
): ChangeStream<TSchema, TChange> {
  // The driver also accepts options without a pipeline.
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
    // If there are listeners, the stream that feeds them must emit the error first.
    timers.setImmediate(() => void stream.close().catch(() => undefined));
  };
  signal.addEventListener('abort', close, { once: true });
  limits.set(stream, { options, stop: () => signal.removeEventListener('abort', close) });
}
