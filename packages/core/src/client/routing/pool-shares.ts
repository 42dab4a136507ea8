import type { MongoClientOptions } from 'mongodb';

/**
 * The options that limit a client's connections, as the driver resolved them from connection string and options.
 */
export type PoolOptions = Pick<
  Required<MongoClientOptions>,
  'maxPoolSize' | 'minPoolSize' | 'maxConnecting'
>;

/** Divides a client's connections between its workers, because the options hold for the whole client. */
export class PoolShares {
  readonly #maxPoolSize: number;
  readonly #minPoolSize: number;
  readonly #maxConnecting: number;

  constructor({ maxPoolSize, minPoolSize, maxConnecting }: PoolOptions) {
    this.#maxPoolSize = maxPoolSize;
    this.#minPoolSize = minPoolSize;
    this.#maxConnecting = maxConnecting;
  }

  /** Whether connections are opened in advance (`minPoolSize`). */
  get fills(): boolean {
    return this.#minPoolSize > 0;
  }

  /** Number of workers that may serve the client: each needs at least one connection. */
  workers(pool: number): number {
    return this.#maxPoolSize === 0 ? pool : Math.min(pool, this.#maxPoolSize);
  }

  /** Returns one worker's share of the options. */
  of(worker: number, workers: number): PoolOptions {
    const share = (total: number): number =>
      Math.floor(total / workers) + (worker < total % workers ? 1 : 0);
    return {
      // Zero means no limit.
      maxPoolSize: share(this.#maxPoolSize),
      minPoolSize: share(this.#minPoolSize),
      maxConnecting: Math.max(1, share(this.#maxConnecting)),
    };
  }
}
