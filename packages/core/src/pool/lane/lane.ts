import { MessageChannel, type MessagePort, type TransferListItem } from 'node:worker_threads';

import { TapeDecoder } from '@mongo-offload/worker/codec';
import {
  REPLY_STRIDE,
  ReplyKind,
  LaneProgress,
  type ForwardedEvent,
  type FromWorker,
  type ServerSessionState,
  type TargetDefinition,
  type ToWorker,
} from '@mongo-offload/worker/protocol';
import type { DriverInfo } from 'mongodb';

import { noLongerThan } from '../../abort';
import type { Decoding } from '../../calls';
import { RecentlyUsed } from './recently-used';
import { deliver, EventBarrier, forgetOperation, rememberOperation } from '../../events';
import { decodingClock } from '../../tracing';
import { timers } from '../../event-loop';
import { CallsUnderWay, type CallCounts } from './calls-under-way';
import type { ClientDefinition } from './client-definition';
import { DecodingFailure, Failure } from './failure';
import { LaneSessions } from './lane-sessions';
import { Outbox, type OutgoingCall } from './outbox';
import { Results } from './results';
import { IdleSessions } from './idle-sessions';
import type { StartRecord } from './start-record';

// Kept apart: another module's exports are read through getters, and these on the hot path.
const Kind = ReplyKind;
const STRIDE = REPLY_STRIDE;

/** A target on which operations are called. */
interface Target {
  readonly id: number;
  readonly definition: TargetDefinition;
}

/** One call, as a lane sends it. */
export interface LaneCall extends OutgoingCall {
  readonly target: Target;
  readonly decoding: Decoding | undefined;
  /** Whether someone listens to the client's events: they run in the caller's context. */
  readonly heard: boolean;
  /** When it aborts, the call's events report its reason. */
  readonly signal: AbortSignal | undefined;
}

/** Targets that a worker keeps, for all clients together. Each takes about 2 KB. */
const KNOWN_TARGETS = 1_000;

/**
 * The main thread's end of a lane: the one port to one worker. What is called in one turn of the
 * event loop leaves in one message, after the turn's last microtask; what comes back together is
 * settled together.
 */
export class Lane {
  readonly decoder = new TapeDecoder();
  readonly eventBarrier = new EventBarrier();
  readonly sessions = new LaneSessions((message) => {
    this.#outbox.flush();
    if (this.usable) this.#post(message);
  });
  /** Which of the pool's workers this is, from 0. */
  readonly index: number;
  /** Cursors of which the worker holds more. */
  openCursors = 0;
  readonly #progress: LaneProgress;
  readonly #starts: StartRecord;
  readonly #port: MessagePort;
  readonly #calls: CallsUnderWay;
  readonly #clients = new Set<number>();
  /** Targets that the worker knows, each with its client. The worker forgets them with the client, or by a message. */
  readonly #targets = new RecentlyUsed<number, number>(KNOWN_TARGETS, (old) => {
    // Calls that still wait to be sent may use one of them.
    this.#outbox.flush();
    this.#post({ type: 'forgetTargets', ids: [...old.keys()] });
  });
  readonly #watchers = new Set<() => void>();
  readonly #outbox = new Outbox((message, transfer) => this.#post(message, transfer));
  #started = false;
  #lost = false;
  /** Lost, and everything that was under way has been told. */
  #settled = false;
  #ended = false;
  #lossReason: Error | undefined;
  /** The port has closed by itself; runs while it is not known why. */
  #dying: NodeJS.Timeout | undefined;

  private constructor(
    port: MessagePort,
    index: number,
    progress: LaneProgress,
    counts: CallCounts,
    starts: StartRecord,
  ) {
    this.index = index;
    this.#starts = starts;
    this.#port = port;
    this.#progress = progress;
    this.#calls = new CallsUnderWay(port, progress, counts);
    port.on('message', (message: FromWorker) => this.#receive(message));
    port.on('close', () => this.#closed());
    // An idle lane keeps no process alive; calls under way do.
    port.unref();
  }

  /** Makes a lane, and what its worker is to get of it. */
  static open(
    index: number,
    counts: CallCounts,
    starts: StartRecord,
  ): { lane: Lane; port: MessagePort; progress: SharedArrayBuffer } {
    const { port1, port2 } = new MessageChannel();
    const progress = LaneProgress.memory();
    const lane = new Lane(port1, index, new LaneProgress(progress), counts, starts);
    return { lane, port: port2, progress };
  }

  /** Calls under way. */
  get load(): number {
    return this.#calls.size;
  }

  /** Operations that are not answered, and how many of them the worker has not taken. */
  underWay(): { inFlight: number; queued: number } {
    return this.#calls.count();
  }

  /** Whether the main thread ended the thread or the lane. */
  get isLeft(): boolean {
    return this.#ended;
  }

  get usable(): boolean {
    return !this.#lost && !this.#ended && this.#dying === undefined;
  }

  /**
   * Whether a call made now comes after earlier calls. If the worker is dying, it fails together with them, and so runs
   * again after them.
   */
  get keepsOrder(): boolean {
    return !this.#settled && !this.#ended;
  }

  /** Whether the worker has started. What is called before that waits in the port. */
  get started(): boolean {
    if (this.#started || !this.#progress.served) return this.#started;
    this.#starts.succeeded();
    return (this.#started = true);
  }

  /** Whether the worker failed to start and no other would start either. */
  get isHopeless(): boolean {
    return this.#lost && !this.started && this.#starts.isHopeless(this.#lossReason);
  }

  define(id: number, client: () => ClientDefinition): void {
    if (this.#clients.has(id)) return;
    const { url, options, log, credentials, appended, names, env, events } = client();
    const transfer = credentials === undefined ? undefined : [credentials.port];
    this.#post(
      { type: 'client', id, url, options, log, credentials, appended, names, env },
      transfer,
    );
    // Only now: the worker does not know a client whose message could not be posted.
    this.#clients.add(id);
    if (events.length > 0) this.#post({ type: 'listen', client: id, events });
  }

  /** Sends the worker, if it has the client, the list of events that have listeners from now on. */
  listen(client: number, events: readonly ForwardedEvent[]): void {
    if (this.usable && this.#clients.has(client)) this.#post({ type: 'listen', client, events });
  }

  /** Sends the worker, if it has the client, metadata to append to the handshake of new connections. */
  appendMetadata(client: number, driverInfo: DriverInfo): void {
    if (this.usable && this.#clients.has(client)) {
      this.#post({ type: 'metadata', client, driverInfo });
    }
  }

  /** Hands a server session to the worker, for the client's next operation without a session. */
  giveServerSession(client: number, session: ServerSessionState): void {
    if (this.usable) this.#post({ type: 'serverSession', client, session });
  }

  #defineTarget({ id, definition }: Target): void {
    if (this.#targets.get(id) !== undefined) return;
    this.#targets.set(id, definition.client);
    this.#post({ type: 'target', id, definition });
  }

  knows(client: number): boolean {
    return this.#clients.has(client);
  }

  /** Sends one call. Its result is the decoded one, an OpenedCursor, or a Failure; it never rejects. */
  call(call: LaneCall): { id: number; result: Promise<unknown> } {
    const { target, decoding, heard } = call;
    const { client } = target.definition;
    if (!this.usable) {
      if (this.keepsOrder) return this.#calls.add(client, undefined, false, true);
      return { id: 0, result: Promise.resolve(new Failure(undefined, this.#lossReason)) };
    }
    this.#defineTarget(target);
    const sent = this.#calls.add(client, decoding, heard, true);
    if (heard) rememberOperation(sent.id, decoding, call.signal);
    this.#outbox.add(sent.id, call);
    return sent;
  }

  /** Makes the worker abort a call. The caller ignores the call's own result. */
  abort(call: number): void {
    if (!this.#calls.has(call)) return;
    this.#outbox.flush();
    this.#post({ type: 'abort', call });
  }

  /** Closes a client in the worker. Resolves when the worker has closed it, or after a limit. */
  async closeClient(id: number, force: boolean, endSessions: Uint8Array[]): Promise<void> {
    if (!this.usable || !this.#clients.delete(id)) return;
    this.#targets.removeIf((client) => client === id);
    this.#outbox.flush();
    const { id: call, result } = this.#calls.add(id, undefined, false, false);
    this.#post({ type: 'closeClient', id, call, force, endSessions });
    const answered = result.then(() => true);
    const limitMS = force ? FORCED_CLOSE_MS : CLOSE_MS;
    if ((await noLongerThan(limitMS, answered)) !== true) this.#leave(id, limitMS);
  }

  /**
   * Leaves a worker that answers nothing. If it serves this client alone, its thread ends; otherwise it may have other
   * clients' writes under way, and only this client's calls fail.
   */
  #leave(client: number, limitMS: number): void {
    const cause = new Error(
      `the worker did not answer within ${limitMS} ms when its client was closed`,
    );
    if (this.#clients.size > 0) return this.#calls.lose(cause, client);
    this.#ended = true;
    this.lose(cause);
  }

  /** Asks the worker for its memory. Resolves with a HeapReply, or a Failure. */
  async askHeap(): Promise<unknown> {
    const { id: call, result } = this.#calls.add(0, undefined, false, false);
    this.#post({ type: 'heap', call });
    return await result;
  }

  /** Ends the lane: the worker closes what is left, and the port. */
  end(): void {
    if (!this.usable) return;
    this.#outbox.flush();
    this.#ended = true;
    this.#post({ type: 'end' });
  }

  #post(message: ToWorker, transfer?: TransferListItem[]): void {
    this.#port.postMessage(message, transfer);
  }

  #receive(message: FromWorker): void {
    const { events, replies, sessions, serverSessions } = message;
    if (sessions !== undefined) for (const session of sessions) this.sessions.follow(session);
    if (serverSessions !== undefined) {
      for (const { client, session } of serverSessions) IdleSessions.takeBack(client, session);
    }
    if (events !== undefined) {
      deliver(events, this.index);
      this.eventBarrier.delivered();
    }
    const decodingFrom = decodingClock.running ? timers.now() : undefined;
    const results = new Results(message, this.decoder);
    for (let i = 0; i < replies.length; i += STRIDE) {
      const id = replies[i];
      const kind = replies[i + 1];
      const pending = this.#calls.take(id);
      if (pending?.heard === true && kind !== Kind.cursor) forgetOperation(id);
      const result = results.next(kind, replies[i + 2], pending?.decoding);
      if (pending === undefined) continue;
      this.#calls.settle(pending, result, kind === Kind.error || result instanceof DecodingFailure);
    }
    if (decodingFrom !== undefined) decodingClock.addSince(decodingFrom);
    this.#calls.settled();
  }

  /** Why the worker died, where it is known. */
  get lossReason(): Error | undefined {
    return this.#lossReason;
  }

  /** Calls back when the worker is lost, for what lives there; returns how to stop that. */
  onLost(callback: () => void): () => void {
    if (this.#lost) callback();
    else this.#watchers.add(callback);
    return () => this.#watchers.delete(callback);
  }

  /** A dying worker closes its ports first. The reason of its death is reported right after that. */
  #closed(): void {
    if (this.usable) this.#dying = timers.setTimeout(() => this.lose(), CAUSE_WAIT_MS);
  }

  /** The worker is gone. Calls in flight settle in the next turn, because the reason may be reported in between. */
  lose(cause?: Error): void {
    this.#lossReason ??= cause;
    if (this.#lost) return;
    this.#lost = true;
    if (!this.started) this.#starts.failed();
    timers.clearTimeout(this.#dying);
    this.#port.close();
    timers.setImmediate(() => {
      this.#settled = true;
      this.eventBarrier.lost();
      this.#calls.lose(this.#lossReason);
      for (const callback of this.#watchers) callback();
      this.#watchers.clear();
    });
  }
}

/**
 * Longest time that a worker may take to close a client. One whose event loop runs takes a second at most, even if the
 * server does not answer.
 */
const CLOSE_MS = 3_000;
const FORCED_CLOSE_MS = 1_500;

/** Longest wait for a thread's end after its ports have closed. It usually comes within milliseconds. */
const CAUSE_WAIT_MS = 500;
