import { MongoClientClosedError, type DriverInfo, type MongoClient } from 'mongodb';

import { eitherSignal } from '../abort';
import { encodeCall, EncodedCall } from '../calls';
import { operationChannel, tracedCall } from '../tracing';
import { DecodingFailure, Failure, type Lane, IdleSessions } from '../pool';
import type { ResolvedOffloadOptions } from '../options';
import { type SessionLink, type Call, Targets, type Named, type TargetRef } from './call';
import type { Hold, OpenTransaction } from '../transaction';
import {
  Dispatch,
  type Sent,
  type Served,
  ClientRegistration,
  type ClientOfApplication,
  LaneChoice,
} from './routing';
import { InFlight, type Lifetime, EncodingOrder } from './admission';

/** Connects one MongoClient of the application to the pool: its calls go to workers, and their results come back. */
export class ClientLink {
  readonly offload: ResolvedOffloadOptions;
  readonly #client: ClientRegistration;
  readonly #targets: Targets;
  readonly #lanes: LaneChoice;
  readonly #encodingOrder = new EncodingOrder();
  readonly #inFlight: InFlight;
  readonly #dispatch: Dispatch;

  constructor(definition: ClientOfApplication, offload: ResolvedOffloadOptions) {
    this.offload = offload;
    this.#lanes = new LaneChoice(offload, definition.pools);
    this.#client = new ClientRegistration(definition, this.#lanes);
    this.#targets = new Targets(this.#client.id);
    this.#inFlight = new InFlight(offload);
    this.#dispatch = new Dispatch(this.#client, this.#lanes, this.#inFlight);
    this.#lanes.onJoin = (lanes) => this.#fillPools(lanes);
  }

  get lifetime(): Lifetime {
    return this.#lanes.lifetime;
  }

  target(db?: Named, collection?: Named): TargetRef {
    return this.#targets.get(db, collection);
  }

  /**
   * Sends a call. Resolves with its result and the lane that served it.
   *
   * @param hold - for a call inside a transaction: keeps the transaction queue waiting until its argument settles
   * @throws the driver's own error, WorkerLostError, OverloadedError, or the reason of the call's signal
   */
  async send(call: Call, hold?: Hold): Promise<Served> {
    if (isUntraced(call)) return await tracedCall(call, () => this.send(call, hold), resultIn);
    call.signal?.throwIfAborted();
    if (call.session !== undefined && hold === undefined) {
      const { transaction } = call.session;
      if (transaction !== undefined) return await this.#inTransaction(transaction, call);
    }
    const closings = this.#dispatch.closings;
    const { exemption } = call;
    const queues = exemption === undefined && this.#inFlight.isFull;
    if (queues) await this.#queue(call);
    else this.#inFlight.begin(exemption);
    let args: EncodedCall;
    let sent: Sent;
    try {
      if (queues) this.#leaveQueue(call, closings);
      const waits = !(call.args instanceof EncodedCall) || this.#encodingOrder.size > 0;
      args = waits ? await this.#argumentsInOrder(call) : (call.args as EncodedCall);
      try {
        sent = this.#dispatch.start(call, args);
      } finally {
        if (waits) this.#encodingOrder.done(call);
      }
    } catch (error) {
      this.#inFlight.end(exemption);
      throw error;
    }
    hold?.(sent.result);
    // Most calls have no signal. They avoid the additional promise of `settled`.
    const result = await (call.signal === undefined
      ? sent.result
      : this.#dispatch.settled(call, call.signal, sent));
    this.#dispatch.untrack(sent);
    if (result instanceof Failure) {
      return await this.#dispatch.failed(call, args, sent, result, closings);
    }
    this.#inFlight.end(exemption);
    if (result instanceof DecodingFailure) throw result.error;
    return { result, lane: sent.lane, id: sent.id };
  }

  /** Commits or aborts a session's transaction. The caller has waited in the transaction queue. */
  async callOnSession(
    name: 'session.commitTransaction' | 'session.abortTransaction',
    session: SessionLink,
    { signal, hold }: { signal?: AbortSignal; hold: Hold },
  ): Promise<void> {
    const args = encodeCall({}, {});
    const call: Call = {
      name,
      target: this.target(),
      args,
      session,
      signal,
      exemption: 'uncounted',
    };
    await this.send(call, hold);
  }

  /** The number of operations that are in flight, and of those that wait for them. */
  get underWay(): { inFlight: number; queued: number } {
    const { size, queued } = this.#inFlight;
    return { inFlight: size, queued };
  }

  /** Resolves when no operation is in flight or waits, or when the signal aborts. */
  async idle(signal: AbortSignal): Promise<void> {
    await this.#inFlight.idle(signal);
  }

  /** Notes that an explicit session has ended: the next operation without a session uses its server session. */
  noteSessionEnded(client: MongoClient): void {
    this.#dispatch.idleSessions ??= new IdleSessions(client, this.#client.id);
    this.#dispatch.idleSessions.noteEnded();
  }

  appendMetadata(driverInfo: DriverInfo): void {
    this.#client.appendMetadata(driverInfo);
  }

  /**
   * Closes this client in all workers. The last client ends the pool: at once if `force`, else after `keepThreadsMS`.
   */
  async close(force: boolean, endSessions: Uint8Array[]): Promise<void> {
    const lanes = this.#lanes.open();
    const leavePool = this.#lanes.leave(force);
    this.#dispatch.noteClose();
    this.#dispatch.idleSessions?.forget();
    this.#inFlight.refuse(() => new MongoClientClosedError());
    this.#targets.clear();
    this.#client.closeCredentials();
    if (leavePool === undefined) return;
    await this.#client.close(lanes, force, endSessions);
    await leavePool();
  }

  /** Connects in every worker, so that idle workers also open their share of `minPoolSize`. */
  #fillPools(lanes: Lane[]): void {
    const args = encodeCall({}, {});
    const call: Call = {
      name: 'client.connect',
      target: this.target(),
      args,
      exemption: 'background',
    };
    // If this fails, the next operation fails as well and reports it.
    for (const lane of lanes) this.#dispatch.startOn(lane, call, args);
  }

  /** Sends a call in a transaction after the replies to all earlier calls in it. */
  async #inTransaction(transaction: OpenTransaction, call: Call): Promise<Served> {
    const { name: what, args } = call;
    const { signal, release } = eitherSignal(call.signal, transaction.signal);
    // If the call is aborted while it waits, nobody awaits its arguments.
    if (!(args instanceof EncodedCall)) args.catch(() => undefined);
    this.#inFlight.begin('uncounted');
    try {
      return await transaction.enqueue({ what, signal }, (hold) => {
        // A transaction that the server has begun may hold locks for which counted operations wait.
        const begun = call.session?.isStarting === false;
        return this.send({ ...call, signal, ...(begun ? { exemption: 'uncounted' } : {}) }, hold);
      });
    } finally {
      release();
      this.#inFlight.end('uncounted');
    }
  }

  /** Waits in line until fewer than `maxInFlight` operations are in flight. */
  #queue({ name, args, signal }: Call): Promise<void> {
    // If the call is refused, or aborted while it waits, nobody awaits its arguments.
    if (!(args instanceof EncodedCall)) args.catch(() => undefined);
    return this.#inFlight.wait(name, signal);
  }

  /**
   * Continues a call that was admitted from the line.
   *
   * @throws the signal's reason; MongoClientClosedError if the client was closed while the call waited
   */
  #leaveQueue({ signal }: Call, closings: number): void {
    this.#inFlight.started();
    signal?.throwIfAborted();
    if (closings !== this.#dispatch.closings) throw new MongoClientClosedError();
  }

  /** Waits for earlier calls on the namespace that are still being encoded, and for the call's own arguments. */
  async #argumentsInOrder(call: Call): Promise<EncodedCall> {
    const closings = this.#dispatch.closings;
    try {
      const [args] = await Promise.all([call.args, this.#encodingOrder.before(call, call.target)]);
      call.signal?.throwIfAborted();
      if (closings !== this.#dispatch.closings) throw new MongoClientClosedError();
      return args;
    } catch (error) {
      this.#encodingOrder.done(call);
      throw error;
    }
  }
}

/** Returns whether the operation channel has subscribers that do not know of this call yet. */
function isUntraced({ context }: Call): boolean {
  return operationChannel.hasSubscribers && context === undefined;
}

function resultIn({ result }: Served): unknown {
  return result;
}
