import { CallFlag, OPERATION_CODES } from '@mongo-offload/worker/protocol';
import { MongoClientClosedError, type DriverInfo, type MongoClientOptions } from 'mongodb';

import { untilAborted } from '../abort/until-aborted';
import { encodeCall } from '../calls/encode';
import { EncodedCall } from '../calls/encoded-call';
import type { ClientEvents } from '../events';
import { operationChannel } from '../observe/operation-channel';
import { tracedCall } from '../observe/operation-context';
import { DecodingFailure, Failure } from '../pool/failure';
import type { Lane } from '../pool/lane';
import type { ResolvedOffloadOptions } from '../pool/offload-options';
import type { SessionLink } from '../session';
import type { Hold, OpenTransaction } from '../transaction';
import { isWrite, type Call } from './call';
import type { CredentialCallbacks } from './credential-callbacks';
import { ClientInWorkers } from './in-workers';
import { LaneChoice } from './lane-choice';
import { closeOpened, isLost, resultOf, Tries } from './outcome';
import { Targets, type Named, type TargetRef } from './targets';
import { Turns } from './turns';
import type { Tracked } from './write-order';

/** A call that is under way. */
interface Sent {
  readonly lane: Lane;
  readonly id: number;
  /** Its result, or a Failure; never rejects. */
  readonly result: Promise<unknown>;
  readonly tracked: Tracked | undefined;
}

/** What a call came to, and which lane served it. */
interface Served {
  result: unknown;
  lane: Lane;
  id: number;
}

/** Connects one MongoClient of the application to the pool: its calls go to workers, and their results come back. */
export class ClientLink {
  readonly offload: ResolvedOffloadOptions;
  readonly #client: ClientInWorkers;
  readonly #targets: Targets;
  readonly #lanes: LaneChoice;
  readonly #turns = new Turns();
  /** How often it was closed: a call from before ends with the client. */
  #closings = 0;

  constructor(
    url: string,
    options: MongoClientOptions,
    offload: ResolvedOffloadOptions,
    events: ClientEvents,
    credentials?: CredentialCallbacks,
  ) {
    this.offload = offload;
    this.#lanes = new LaneChoice(offload, options);
    this.#client = new ClientInWorkers(url, options, { events, credentials, lanes: this.#lanes });
    this.#targets = new Targets(this.#client.id);
  }

  target(db?: Named, collection?: Named): TargetRef {
    return this.#targets.get(db, collection);
  }

  /**
   * Sends a call and gives its result.
   *
   * @throws the driver's own error, WorkerLostError, or the reason of the call's signal
   */
  async call(call: Call): Promise<unknown> {
    if (isToBeTold(call)) return await tracedCall(call, () => this.call(call), itself);
    const { args, session, signal } = call;
    const waits = !(args instanceof EncodedCall) || this.#turns.size > 0;
    if (waits || session !== undefined || signal !== undefined) {
      return (await this.send(call)).result;
    }
    // The same as `send`, with a promise less for each step that such a call does not need.
    const closings = this.#closings;
    const sent = this.#start(call, args);
    const result = await sent.result;
    if (sent.tracked !== undefined) this.#lanes.writes.untrack(sent.tracked);
    if (result instanceof Failure) {
      return (await this.#failed(call, args, sent, result, closings)).result;
    }
    if (result instanceof DecodingFailure) throw result.error;
    return result;
  }

  /** As `call`, and tells which lane served it, for what goes on living there. */
  async send(call: Call, hold?: Hold): Promise<Served> {
    if (isToBeTold(call)) return await tracedCall(call, () => this.send(call, hold), resultIn);
    call.signal?.throwIfAborted();
    if (call.session !== undefined && hold === undefined) {
      const { transaction } = call.session;
      if (transaction !== undefined) return await this.#inTransaction(transaction, call);
    }
    const closings = this.#closings;
    const waits = !(call.args instanceof EncodedCall) || this.#turns.size > 0;
    const args = waits ? await this.#turn(call) : (call.args as EncodedCall);
    const sent = this.#start(call, args);
    if (waits) this.#turns.done(call);
    hold?.(sent.result);
    const result = await this.#settled(call, sent);
    if (result instanceof Failure) return await this.#failed(call, args, sent, result, closings);
    if (result instanceof DecodingFailure) throw result.error;
    return { result, lane: sent.lane, id: sent.id };
  }

  /** Commits or aborts a session's transaction, which has given it its turn. */
  async callOnSession(
    name: 'session.commitTransaction' | 'session.abortTransaction',
    session: SessionLink,
    { signal, hold }: { signal?: AbortSignal; hold: Hold },
  ): Promise<void> {
    const args = encodeCall({}, {});
    await this.send({ name, target: this.target(), args, session, signal }, hold);
  }

  appendMetadata(driverInfo: DriverInfo): void {
    this.#client.appendMetadata(driverInfo);
  }

  /** Closes this client in all workers. The last client ends the pool. */
  async close(force: boolean, endSessions: Uint8Array[]): Promise<void> {
    const lanes = this.#lanes.open();
    const leavePool = this.#lanes.leave();
    this.#closings += 1;
    this.#targets.clear();
    this.#client.closeCredentials();
    if (leavePool === undefined) return;
    await this.#client.close(lanes, force, endSessions);
    await leavePool();
  }

  /** What is called in a transaction is sent when those before it in the transaction have been answered. */
  async #inTransaction(transaction: OpenTransaction, call: Call): Promise<Served> {
    const { name: what, args, signal } = call;
    // Who is given up while it waits never asks for them.
    if (!(args instanceof EncodedCall)) args.catch(() => undefined);
    return await transaction.inTurn({ what, signal }, (hold) => this.send(call, hold));
  }

  /** Waits for what was called before on the same namespace and is still being encoded, and for its own arguments. */
  async #turn(call: Call): Promise<EncodedCall> {
    const closings = this.#closings;
    try {
      const [args] = await Promise.all([call.args, this.#turns.before(call, call.target)]);
      call.signal?.throwIfAborted();
      if (closings !== this.#closings) throw new MongoClientClosedError();
      return args;
    } catch (error) {
      this.#turns.done(call);
      throw error;
    }
  }

  #start(call: Call, args: EncodedCall): Sent {
    const { id, define } = this.#client;
    const lane = call.session?.prepare(() => this.#lanes.pick(call.target), id, define);
    return this.#on(lane ?? this.#lanes.pick(call.target), call, args);
  }

  #on(lane: Lane, call: Call, args: EncodedCall): Sent {
    const { name, target, flags = CallFlag.none, decoding, signal, session, order } = call;
    const writes = isWrite(call);
    if (call.context !== undefined) call.context.worker = lane.index;
    this.#client.define(lane);
    lane.defineTarget(target.id, target.definition);
    const ordered = order ?? (writes ? target.namespace : undefined);
    const tracked = ordered === undefined ? undefined : this.#lanes.writes.track(ordered, lane);
    const { id, result } = lane.call(
      OPERATION_CODES[name],
      target.id,
      args,
      signal === undefined ? flags : flags | CallFlag.abortable,
      session?.id ?? 0,
      decoding,
      this.#client.heard,
      // A write is hardly ever sent again.
      writes,
    );
    return { lane, id, result, tracked };
  }

  async #settled(
    { name, signal, session }: Call,
    { lane, id, result, tracked }: Sent,
  ): Promise<unknown> {
    try {
      return signal === undefined
        ? await result
        : await untilAborted(result, signal, () => {
            // What begins a transaction is given up here only: it may reach the server yet, and the
            // worker must know of it then, to abort it.
            if (session?.isStarting !== true) lane.abort(id);
            else if (name === 'cursor.open') void result.then(closeOpened);
          });
    } finally {
      if (tracked !== undefined) this.#lanes.writes.untrack(tracked);
    }
  }

  /** Runs again what may, where its worker is gone; else throws what happened. */
  async #failed(
    call: Call,
    args: EncodedCall,
    { lane, id }: Sent,
    result: unknown,
    closings: number,
  ): Promise<Served> {
    const tries = new Tries(call, args);
    while (isLost(result)) {
      if (closings !== this.#closings) throw new MongoClientClosedError();
      if (!tries.mayRunAgain(result)) break;
      const again = this.#on(this.#lanes.pick(call.target), call, args);
      ({ lane, id } = again);
      result = await this.#settled(call, again);
    }
    return { result: resultOf(call, lane, result), lane, id };
  }
}

/** Whether someone listens to operations, who was not told of this one yet. */
function isToBeTold({ context }: Call): boolean {
  return operationChannel.hasSubscribers && context === undefined;
}

function itself(result: unknown): unknown {
  return result;
}

function resultIn({ result }: Served): unknown {
  return result;
}
