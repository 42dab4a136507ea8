import { CallFlag, OPERATION_CODES } from '@mongo-offload/worker/protocol';
import { MongoClientClosedError } from 'mongodb';

import { untilAborted } from '../../abort';
import type { EncodedCall } from '../../calls';
import type { Lane, IdleSessions } from '../../pool';
import { isWrite, type Call } from '../call';
import type { InFlight } from '../admission';
import type { ClientRegistration } from './client-registration';
import type { LaneChoice } from './lane-choice';
import { LostCalls } from './lost-calls';
import { closeOpened, isLost, resultOf, Tries } from './outcome';
import type { Tracked } from './write-order';

/** A call in flight. */
export interface Sent {
  readonly lane: Lane;
  readonly id: number;
  /** Resolves with the call's result, or with a Failure. Never rejects. */
  readonly result: Promise<unknown>;
  readonly tracked: Tracked | undefined;
  /** Its position in the order of all calls of the client. */
  readonly place: number;
}

/** The result of a call, and the lane that served it. */
export interface Served {
  result: unknown;
  lane: Lane;
  id: number;
}

/** Sends the calls of one client to its workers. If a worker is lost, sends its calls again if that is safe. */
export class Dispatch {
  readonly #client: ClientRegistration;
  readonly #lanes: LaneChoice;
  readonly #inFlight: InFlight;
  readonly #lost = new LostCalls();
  /** Set once an explicit session of the client has ended. */
  idleSessions: IdleSessions | undefined;
  #closings = 0;
  #places = 0;

  constructor(client: ClientRegistration, lanes: LaneChoice, inFlight: InFlight) {
    this.#client = client;
    this.#lanes = lanes;
    this.#inFlight = inFlight;
  }

  /** How often the client was closed. A call made before a close does not continue after it. */
  get closings(): number {
    return this.#closings;
  }

  noteClose(): void {
    this.#closings += 1;
  }

  /** Sends a call to the worker on which its session lives. If it has none, chooses a worker. */
  start(call: Call, args: EncodedCall): Sent {
    const { id, define } = this.#client;
    const lane = call.session?.prepare(() => this.#lanes.pick(call.target), id, define);
    const sent = this.startOn(lane ?? this.#lanes.pick(call.target), call, args);
    call.session?.track(sent.result);
    return sent;
  }

  /** Sends a call to one worker. */
  startOn(lane: Lane, call: Call, args: EncodedCall): Sent {
    return this.#on(lane, call, args, this.#places++);
  }

  #on(lane: Lane, call: Call, args: EncodedCall, place: number): Sent {
    const { name, target, flags = CallFlag.none, decoding, signal, session, order } = call;
    const writes = isWrite(call);
    if (call.context !== undefined) call.context.worker = lane.index;
    this.#client.define(lane);
    if (this.idleSessions?.fresh === true && session === undefined) {
      this.idleSessions.handOver(lane);
    }
    const ordered = order ?? (writes ? target.namespace : undefined);
    const tracked = ordered === undefined ? undefined : this.#lanes.writes.track(ordered, lane);
    const { id, result } = lane.call({
      operation: OPERATION_CODES[name],
      target,
      args,
      flags: signal === undefined ? flags : flags | CallFlag.abortable,
      session: session?.id ?? 0,
      decoding,
      heard: this.#client.heard,
      // A write is rarely sent again.
      once: writes,
      signal,
    });
    return { lane, id, result, tracked, place };
  }

  /**
   * Waits for the result of a call that has a signal. Resolves with a result or a Failure.
   *
   * @throws the reason of the signal
   */
  async settled(
    { name, session, exemption }: Call,
    signal: AbortSignal,
    sent: Sent,
  ): Promise<unknown> {
    const { lane, id, result } = sent;
    const { heard } = this.#client;
    try {
      return await untilAborted(result, signal, () => {
        // A call that begins a transaction is aborted on the main thread only. It may still reach the server, and then
        // the worker must know of the transaction, to abort it.
        if (session?.isStarting !== true) {
          lane.abort(id);
          return heard ? result : undefined;
        }
        if (name === 'cursor.open') void result.then(closeOpened);
        return undefined;
      });
    } catch (reason) {
      // The caller no longer waits, but the call is still in flight.
      void result.then(() => this.#inFlight.end(exemption));
      this.untrack(sent);
      throw reason;
    }
  }

  /** Notes that later calls on the namespace no longer have to follow this call to its worker. */
  untrack({ tracked }: Sent): void {
    if (tracked !== undefined) this.#lanes.writes.untrack(tracked);
  }

  /**
   * Runs a call again if its worker is gone and this is safe. Calls that were lost together run again in their original
   * order. Otherwise throws the error of the call.
   */
  async failed(
    call: Call,
    args: EncodedCall,
    { lane, id, place }: Sent,
    result: unknown,
    closings: number,
  ): Promise<Served> {
    const tries = new Tries(call, args);
    let counted = true;
    try {
      while (isLost(result)) {
        await this.#lost.gathered(place);
        if (closings !== this.#closings) throw new MongoClientClosedError();
        if (!tries.mayRunAgain(result)) break;
        const again = this.#on(this.#lanes.pick(call.target), call, args, place);
        ({ lane, id } = again);
        counted = false;
        const { signal } = call;
        result = await (signal === undefined ? again.result : this.settled(call, signal, again));
        this.untrack(again);
        counted = true;
      }
      return { result: resultOf(call, lane, result), lane, id };
    } finally {
      if (counted) this.#inFlight.end(call.exemption);
    }
  }
}
