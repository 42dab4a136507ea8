import type { MongoClientOptions } from 'mongodb';

/** The options of a client that bound its connections, after the driver has read its connection string and options. */
export type PoolOptions = Pick<
  Required<MongoClientOptions>,
  'maxPoolSize' | 'minPoolSize' | 'maxConnecting'
>;

/** Divides a client's connections between the workers that serve it: the options are for the whole client. */
export class PoolShares {
  readonly #maxPoolSize: number;
  readonly #minPoolSize: number;
  readonly #maxConnecting: number;

  constructor({ maxPoolSize, minPoolSize, maxConnecting }: PoolOptions) {
    this.#maxPoolSize = maxPoolSize;
    this.#minPoolSize = minPoolSize;
    this.#maxConnecting = maxConnecting;
  }

  /** Whether connections are to be made though nothing needs them. */
  get fills(): boolean {
    return this.#minPoolSize > 0;
  }

  /** How many workers may serve the client: each must have a connection at least. */
  workers(pool: number): number {
    return this.#maxPoolSize === 0 ? pool : Math.min(pool, this.#maxPoolSize);
  }

  /** The options for one of the workers that serve the client. */
  of(worker: number, workers: number): PoolOptions {
    const share = (total: number): number =>
      Math.floor(total / workers) + (worker < total % workers ? 1 : 0);
    return {
      // Zero is no bound.
      maxPoolSize: share(this.#maxPoolSize),
      minPoolSize: share(this.#minPoolSize),
      maxConnecting: Math.max(1, share(this.#maxConnecting)),
    };
  }
}
