import {
  CallFlag,
  OPERATION_CODES,
  OPERATIONS,
  reviveError,
  type OpenedCursor,
  type OperationName,
  type TargetDefinition,
} from '@mongo-offload/worker/protocol';
import {
  BSON,
  MongoClientClosedError,
  type Document,
  type DriverInfo,
  type MongoClientOptions,
} from 'mongodb';

import { untilAborted } from '../abort/until-aborted';
import { encodeCall } from '../calls/encode';
import { EncodedCall } from '../calls/encoded-call';
import type { Decoding } from '../calls/options';
import { WorkerLostError } from '../errors';
import { expectEvents, expectNoEvents, type ClientEvents } from '../events';
import { DecodingFailure, Failure } from '../pool/failure';
import type { Lane } from '../pool/lane';
import type { ResolvedOffloadOptions } from '../pool/offload-options';
import { WorkerPool } from '../pool/worker-pool';
import type { SessionLink } from '../session';
import type { Hold, OpenTransaction } from '../transaction';
import type { CredentialCallbacks } from './credential-callbacks';
import { Turns } from './turns';

/** A client, database or collection as workers know it. */
export interface TargetRef {
  readonly id: number;
  readonly definition: TargetDefinition;
  /** What order is kept for: the database and collection; the client as a whole is ''. */
  readonly namespace: string;
}

/**
 * On how many workers an operation is tried, where each dies under it: it may be what they die of. On as
 * many more, where they die before they begin it.
 */
const MOST_TRIES = 3;

/** The driver's own default. */
const DEFAULT_MAX_POOL_SIZE = 100;

let nextClient = 1;
let nextTarget = 1;

/** One call, ready to be sent. */
export interface Call {
  name: OperationName;
  target: TargetRef;
  /** A promise where encoding them takes several slices: what is called behind this call on its namespace waits. */
  args: EncodedCall | Promise<EncodedCall>;
  /** Of CallFlag; what follows from the call's signal is added. */
  flags?: number;
  decoding?: Decoding;
  signal?: AbortSignal;
  /** The session that the call belongs to. */
  session?: SessionLink;
  /** The operation writes, though others of its name only read. */
  writes?: boolean;
  /**
   * Where what is called behind this goes to the same worker: a namespace. Default: that of its
   * target, for a write.
   */
  order?: string;
}

/** A call that is under way. */
interface Sent {
  readonly lane: Lane;
  readonly id: number;
  /** Its result, or a Failure; never rejects. */
  readonly result: Promise<unknown>;
  readonly tracked: Tracked | undefined;
}

/** Writes under way in a namespace, and where. */
interface Tracked {
  readonly namespace: string;
  readonly lane: Lane;
  count: number;
}

/** Connects one MongoClient of the application to the pool: which worker serves which of its calls. */
export class ClientLink {
  readonly #id = nextClient++;
  readonly #url: string;
  readonly #options: MongoClientOptions;
  readonly offload: ResolvedOffloadOptions;
  readonly #events: ClientEvents;
  readonly #credentials: CredentialCallbacks | undefined;
  readonly #appended: DriverInfo[] = [];
  readonly #targets = new Map<string, TargetRef>();
  /** Writes under way, by namespace: what follows them goes to the same worker, and stays behind them. */
  readonly #writes = new Map<string, Tracked>();
  readonly #turns = new Turns();
  #pool: WorkerPool | undefined;
  #rotation = 0;
  /** How often it was closed: a call from before ends with the client. */
  #closings = 0;

  constructor(
    url: string,
    options: MongoClientOptions,
    offload: ResolvedOffloadOptions,
    events: ClientEvents,
    credentials?: CredentialCallbacks,
  ) {
    this.#url = url;
    this.#options = options;
    this.offload = offload;
    this.#events = events;
    this.#credentials = credentials;
    events.onChange = (wanted) => {
      for (const lane of this.#pool?.openLanes() ?? []) lane.listen(this.#id, wanted);
    };
  }

  target(
    db?: { name: string; options?: Document },
    collection?: { name: string; options?: Document },
  ): TargetRef {
    const key = targetKey(db, collection);
    let target = this.#targets.get(key);
    if (target === undefined) {
      const definition: TargetDefinition = { client: this.#id };
      if (db) definition.db = { name: db.name, options: bytes(db.options) };
      if (collection) {
        definition.collection = { name: collection.name, options: bytes(collection.options) };
      }
      const namespace = db ? (collection ? `${db.name}.${collection.name}` : db.name) : '';
      target = { id: nextTarget++, definition, namespace };
      this.#targets.set(key, target);
    }
    return target;
  }

  /**
   * Sends a call and gives its result.
   *
   * @throws the driver's own error, WorkerLostError, or the reason of the call's signal
   */
  async call(call: Call): Promise<unknown> {
    const { args, session, signal } = call;
    const waits = !(args instanceof EncodedCall) || this.#turns.size > 0;
    if (waits || session !== undefined || signal !== undefined) {
      return (await this.send(call)).result;
    }
    // The same as `send`, with a promise less for each step that such a call does not need.
    const closings = this.#closings;
    const sent = this.#start(call, args);
    const result = await sent.result;
    if (sent.tracked !== undefined) this.#untrack(sent.tracked);
    if (result instanceof Failure) {
      return (await this.#failed(call, args, sent, result, closings)).result;
    }
    if (result instanceof DecodingFailure) throw result.error;
    return result;
  }

  /** As `call`, and tells which lane served it, for what goes on living there. */
  async send(call: Call, hold?: Hold): Promise<{ result: unknown; lane: Lane; id: number }> {
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

  #start(call: Call, args: EncodedCall): Sent {
    const lane = call.session?.prepare(() => this.#pick(call.target), this.#id, this.#define);
    return this.#on(lane ?? this.#pick(call.target), call, args);
  }

  /** What is called in a transaction is sent when those before it in the transaction have been answered. */
  async #inTransaction(
    transaction: OpenTransaction,
    call: Call,
  ): Promise<{ result: unknown; lane: Lane; id: number }> {
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
      if (tracked !== undefined) this.#untrack(tracked);
    }
  }

  /** Runs again what may, where its worker is gone; else throws what happened. */
  async #failed(
    call: Call,
    args: EncodedCall,
    { lane, id }: Sent,
    result: unknown,
    closings: number,
  ): Promise<{ result: unknown; lane: Lane; id: number }> {
    const { session } = call;
    const writes = isWrite(call);
    const tries = { begun: 0, notBegun: 0 };
    while (isLost(result)) {
      if (closings !== this.#closings) throw new MongoClientClosedError();
      if (session !== undefined) {
        const ofOperation = !call.name.startsWith('session.');
        if (ofOperation && (!writes || session.inTransaction)) throw session.lost();
        break;
      }
      // Reads may always run again; writes where their worker had not begun them, and did not get their buffers for good.
      if (writes && (result.begun || args.isGone)) break;
      if (++tries[result.begun ? 'begun' : 'notBegun'] === MOST_TRIES) break;
      const again = this.#on(this.#pick(call.target), call, args);
      ({ lane, id } = again);
      result = await this.#settled(call, again);
    }
    if (result instanceof Failure) {
      if (result.envelope !== undefined) {
        throw reviveError(result.envelope, { decode: decodeOptions(call.decoding) });
      }
      const { begun, cause } = result;
      throw new WorkerLostError(call.name, {
        write: writes && begun,
        cause,
        notStarted: !lane.started,
      });
    }
    if (result instanceof DecodingFailure) throw result.error;
    return { result, lane, id };
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

  /** What the connections of all workers, made from now on, say of themselves besides. */
  appendMetadata({ name, version, platform }: DriverInfo): void {
    const driverInfo = { name, version, platform };
    this.#appended.push(driverInfo);
    for (const lane of this.#pool?.openLanes() ?? []) lane.appendMetadata(this.#id, driverInfo);
  }

  /** Closes this client in all workers. The last client ends the pool. */
  async close(force: boolean, endSessions: Uint8Array[]): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    this.#closings += 1;
    this.#targets.clear();
    this.#credentials?.close();
    if (pool === undefined) return;
    // One worker ends the server's sessions for all.
    const lanes = pool.openLanes().filter((lane) => lane.knows(this.#id));
    await Promise.all(
      lanes.map((lane, i) => lane.closeClient(this.#id, force, i === 0 ? endSessions : [])),
    );
    expectNoEvents(this.#id);
    this.#events.closed();
    await WorkerPool.release(this);
  }

  #on(lane: Lane, call: Call, args: EncodedCall): Sent {
    const { name, target, flags = CallFlag.none, decoding, signal, session, order } = call;
    const writes = isWrite(call);
    this.#define(lane);
    lane.defineTarget(target.id, target.definition);
    const ordered = order ?? (writes ? target.namespace : undefined);
    const tracked = ordered === undefined ? undefined : this.#track(ordered, lane);
    const { id, result } = lane.call(
      OPERATION_CODES[name],
      target.id,
      args,
      signal === undefined ? flags : flags | CallFlag.abortable,
      session?.id ?? 0,
      decoding,
      this.#events.active,
      // A write is hardly ever sent again.
      writes,
    );
    return { lane, id, result, tracked };
  }

  readonly #define = (lane: Lane): void => {
    lane.define(this.#id, () => {
      expectEvents(this.#id, this.#events);
      const { monitorCommands, log, wanted } = this.#events;
      const options = { ...this.#share(lane), monitorCommands };
      const credentials = this.#credentials?.serve();
      const appended = this.#appended;
      return { url: this.#url, options, log, credentials, appended, events: wanted };
    });
  };

  #track(namespace: string, lane: Lane): Tracked {
    const known = this.#writes.get(namespace);
    if (known?.lane === lane) {
      known.count += 1;
      return known;
    }
    const entry = { namespace, lane, count: 1 };
    this.#writes.set(namespace, entry);
    return entry;
  }

  #untrack(tracked: Tracked): void {
    const { namespace } = tracked;
    // What ran behind it on a worker that is gone has an entry of its own by now.
    if (--tracked.count === 0 && this.#writes.get(namespace) === tracked) {
      this.#writes.delete(namespace);
    }
  }

  #pick(target: TargetRef): Lane {
    this.#pool ??= WorkerPool.acquire(this, this.offload);
    const lanes = this.#pool.lanes(this.#lanes());
    const behind = this.#writes.size > 0 ? this.#laneOfWrites(target) : undefined;
    if (behind?.keepsOrder === true) return behind;
    // Least busy of those that have started; between equals, in turn.
    let best: Lane | undefined;
    for (let i = 0; i < this.#lanes(); i++) {
      const lane = lanes[(this.#rotation + i) % this.#lanes()];
      if (best === undefined || isBetter(lane, best)) best = lane;
    }
    this.#rotation += 1;
    return best as Lane;
  }

  /** The lane of an unfinished write to the same collection, to its database, or to one in it. */
  #laneOfWrites({ namespace, definition: { db, collection } }: TargetRef): Lane | undefined {
    const own =
      this.#writes.get(namespace) ?? (db && this.#writes.get(db.name)) ?? this.#writes.get('');
    if (own !== undefined || collection !== undefined) return own?.lane;
    const prefix = db === undefined ? '' : `${db.name}.`;
    for (const [written, { lane }] of this.#writes) if (written.startsWith(prefix)) return lane;
    return undefined;
  }

  /** How many workers serve this client: no more than it may have connections. */
  #lanes(): number {
    const workers = this.#pool?.size ?? this.offload.workers;
    const { maxPoolSize } = this.#options;
    return maxPoolSize ? Math.min(workers, maxPoolSize) : workers;
  }

  /** The client's options for one worker: pool sizes are for the whole client, so each gets its part. */
  #share(lane: Lane): Record<string, unknown> {
    const options: MongoClientOptions = { ...this.#options };
    const lanes = this.#lanes();
    const index = Math.max(0, this.#pool?.openLanes().indexOf(lane) ?? 0);
    const part = (total: number): number =>
      Math.floor(total / lanes) + (index < total % lanes ? 1 : 0);
    const { maxPoolSize = DEFAULT_MAX_POOL_SIZE, minPoolSize } = options;
    if (maxPoolSize > 0) options.maxPoolSize = part(maxPoolSize);
    if (minPoolSize !== undefined && minPoolSize > 0) options.minPoolSize = part(minPoolSize);
    return options as Record<string, unknown>;
  }
}

/** Whether the worker that had a call is gone. */
function isLost(result: unknown): result is Failure {
  return result instanceof Failure && result.envelope === undefined;
}

function isWrite({ name, writes }: Call): boolean {
  return writes ?? OPERATIONS[name].effect === 'write';
}

function isBetter(lane: Lane, best: Lane): boolean {
  if (lane.started !== best.started) return lane.started;
  return lane.load < best.load;
}

/** Nobody reads the cursor that a call opened: its worker closes it when its port closes. */
function closeOpened(result: unknown): void {
  (result as Partial<OpenedCursor>).port?.close();
}

function targetKey(
  db: { name: string; options?: Document } | undefined,
  collection: { name: string; options?: Document } | undefined,
): string {
  const name = `${db?.name ?? ''}\0${collection?.name ?? ''}`;
  if (db?.options === undefined && collection?.options === undefined) return name;
  return name + JSON.stringify([db?.options, collection?.options]);
}

function bytes(options: Document | undefined): Uint8Array | undefined {
  return options === undefined ? undefined : new Uint8Array(BSON.serialize(options));
}

function decodeOptions(decoding: Decoding | undefined): BSON.DeserializeOptions {
  if (decoding === undefined) return {};
  const { promoteValues, promoteLongs, promoteBuffers, useBigInt64, bsonRegExp } = decoding;
  return { promoteValues, promoteLongs, promoteBuffers, useBigInt64, bsonRegExp };
}
