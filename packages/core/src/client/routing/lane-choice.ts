import { type Lane, WorkerPool, type WorkerSlot } from '../../pool';
import type { ResolvedOffloadOptions } from '../../options';
import type { TargetRef } from '../call';
import { Lifetime } from '../admission';
import type { PoolShares } from './pool-shares';
import { WriteOrder } from './write-order';

/** Number of calls of a new client that start no further thread, as long as each finds the running threads idle. */
const FIRST_CALLS = 10;

/** Chooses the worker for each call of one client. The first choice joins the pool. */
export class LaneChoice {
  readonly lifetime = new Lifetime();
  /** Writes in flight, which later calls must not overtake. */
  readonly writes = new WriteOrder();
  readonly #offload: ResolvedOffloadOptions;
  readonly #pools: PoolShares;
  /** Called when the client joins the pool, with the lanes that must open connections in advance. */
  onJoin: ((lanes: Lane[]) => void) | undefined;
  #pool: WorkerPool | undefined;
  /** Identifies the client to the pool, from the time when it joins until it leaves. */
  #membership = {};
  #rotation = 0;

  constructor(offload: ResolvedOffloadOptions, pools: PoolShares) {
    this.#offload = offload;
    this.#pools = pools;
  }

  /**
   * Returns the lane for a call.
   *
   * @throws MongoClientClosedError if the client is closed: only `connect()` lets it join the pool again
   */
  pick(target: TargetRef): Lane {
    this.lifetime.check();
    const pool = this.#pool ?? this.#join();
    const ofEarlierWrite = this.writes.laneFor(target);
    if (ofEarlierWrite?.keepsOrder === true) return ofEarlierWrite;
    const { count } = this;
    // Prefer workers that have started, then the least busy one. Equal workers take turns.
    let best: Lane | undefined;
    let spare: WorkerSlot | undefined;
    for (let i = 0; i < count; i++) {
      const slot = pool.slots[(this.#rotation + i) % count];
      const lane = slot.current;
      if (lane?.usable !== true) spare ??= slot;
      else if (best === undefined || isBetter(lane, best)) best = lane;
    }
    this.#rotation += 1;
    if (best !== undefined && (spare === undefined || this.#isEnough(best))) return best;
    const started = (spare as WorkerSlot).lane();
    return best === undefined || isBetter(started, best) ? started : best;
  }

  /**
   * Returns whether no further thread need start: the best worker is idle, and the client has made only a few calls. A
   * process that reads its settings and exits needs one thread.
   */
  #isEnough({ load, openCursors }: Lane): boolean {
    return load === 0 && openCursors === 0 && this.#rotation <= FIRST_CALLS;
  }

  #join(): WorkerPool {
    const pool = WorkerPool.acquire(this.#membership, this.#offload);
    this.#pool = pool;
    if (this.#pools.fills) this.onJoin?.(this.#toFill(pool));
    return pool;
  }

  /** The lanes of all workers in which the client keeps connections open in advance (`minPoolSize`). */
  #toFill({ slots }: WorkerPool): Lane[] {
    const { count } = this;
    return slots
      .slice(0, count)
      .filter(({ index }) => this.#pools.of(index, count).minPoolSize > 0)
      .map((slot) => slot.lane());
  }

  /** Number of workers that serve this client: at most its number of connections. */
  get count(): number {
    return this.#pools.workers(this.#pool?.size ?? this.#offload.workers);
  }

  /** Returns the pool's lanes that are in use; none if the client has not joined it. */
  open(): Lane[] {
    return this.#pool?.openLanes() ?? [];
  }

  /**
   * Ends the client's lifetime: it cannot join the pool again before it connects. Returns a function that leaves the
   * pool, or undefined if the client had not joined it. The pool ends after its last client has left.
   */
  leave(force: boolean): (() => Promise<void>) | undefined {
    this.lifetime.end();
    if (this.#pool === undefined) return undefined;
    const membership = this.#membership;
    this.#pool = undefined;
    this.#membership = {};
    const keepMS = force ? 0 : this.#offload.keepThreadsMS;
    return async () => await WorkerPool.release(membership, keepMS);
  }
}

function isBetter(lane: Lane, best: Lane): boolean {
  if (lane.started !== best.started) return lane.started;
  return lane.load < best.load;
}
