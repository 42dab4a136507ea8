import type { MongoClientOptions } from 'mongodb';

import type { Lane } from '../pool/lane';
import type { ResolvedOffloadOptions } from '../pool/offload-options';
import { WorkerPool } from '../pool/worker-pool';
import type { TargetRef } from './targets';
import { Lifetime } from './lifetime';
import { WriteOrder } from './write-order';

/** Chooses the worker for each call of one client. The first choice joins the pool. */
export class LaneChoice {
  readonly lifetime = new Lifetime();
  /** Writes under way, which what is called behind them must not overtake. */
  readonly writes = new WriteOrder();
  readonly #offload: ResolvedOffloadOptions;
  readonly #maxPoolSize: number | undefined;
  #pool: WorkerPool | undefined;
  /** By what the pool knows the client, from its joining until it leaves. */
  #membership = {};
  #rotation = 0;

  constructor(offload: ResolvedOffloadOptions, { maxPoolSize }: MongoClientOptions) {
    this.#offload = offload;
    this.#maxPoolSize = maxPoolSize;
  }

  /** @throws MongoClientClosedError where the client is closed: it does not join the pool again by itself */
  pick(target: TargetRef): Lane {
    this.lifetime.check();
    this.#pool ??= WorkerPool.acquire(this.#membership, this.#offload);
    const { count } = this;
    const lanes = this.#pool.lanes(count);
    const behind = this.writes.laneFor(target);
    if (behind?.keepsOrder === true) return behind;
    // Least busy of those that have started; between equals, in turn.
    let best: Lane | undefined;
    for (let i = 0; i < count; i++) {
      const lane = lanes[(this.#rotation + i) % count];
      if (best === undefined || isBetter(lane, best)) best = lane;
    }
    this.#rotation += 1;
    return best as Lane;
  }

  /** How many workers serve this client: no more than it may have connections. */
  get count(): number {
    const workers = this.#pool?.size ?? this.#offload.workers;
    return this.#maxPoolSize ? Math.min(workers, this.#maxPoolSize) : workers;
  }

  /** The part of a total for the whole client that one worker gets. */
  share(total: number, lane: Lane): number {
    const { count } = this;
    const index = Math.max(0, this.open().indexOf(lane));
    return Math.floor(total / count) + (index < total % count ? 1 : 0);
  }

  /** The lanes of the pool that are in use; none where the client has not joined it. */
  open(): Lane[] {
    return this.#pool?.openLanes() ?? [];
  }

  /**
   * The client closes: nothing joins the pool any more before it connects again. Gives how to leave the pool, which
   * ends with its last client; undefined where the client had not joined it.
   */
  leave(): (() => Promise<void>) | undefined {
    this.lifetime.end();
    if (this.#pool === undefined) return undefined;
    const membership = this.#membership;
    this.#pool = undefined;
    this.#membership = {};
    return async () => await WorkerPool.release(membership);
  }
}

function isBetter(lane: Lane, best: Lane): boolean {
  if (lane.started !== best.started) return lane.started;
  return lane.load < best.load;
}
