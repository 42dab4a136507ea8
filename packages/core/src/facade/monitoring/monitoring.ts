import { MongoClientClosedError, type MongoClient } from 'mongodb';

import { loadingContext } from '../../event-loop';
import type { Lifetime } from '../../client';

/** The driver's own methods of a client. */
interface Native {
  connect(): Promise<unknown>;
  close(): Promise<void>;
}

/** The driver's own monitoring on the main thread: no connection but the monitors'. */
export class Monitoring {
  readonly #client: MongoClient;
  readonly #native: Native;
  readonly #lifetime: () => Lifetime;
  #starting: { in: AbortSignal; promise: Promise<void> } | undefined;

  constructor(client: MongoClient, native: Native, lifetime: () => Lifetime) {
    this.#client = client;
    this.#native = native;
    this.#lifetime = lifetime;
  }

  /**
   * Starts the monitoring unless it runs. It outlives the caller, so it must not run in the caller's async context.
   *
   * @throws MongoClientClosedError where the client is closed meanwhile
   */
  async start(): Promise<void> {
    const { signal } = this.#lifetime();
    signal.throwIfAborted();
    // One that was closed as it started ends first.
    while (this.#starting !== undefined && this.#starting.in !== signal) {
      await this.#starting.promise.catch(() => undefined);
    }
    if (this.#starting === undefined) {
      let begin!: (started: Promise<void>) => void;
      const promise = new Promise<void>((resolve) => (begin = resolve));
      // This comes first: listeners of the first events may call operations, which must not start it once more.
      this.#starting = { in: signal, promise };
      begin(
        loadingContext
          .run(() => this.#start(signal))
          .finally(() => {
            this.#starting = undefined;
          }),
      );
    }
    await this.#starting.promise;
  }

  async #start(closed: AbortSignal): Promise<void> {
    const options = this.#client.options as { minPoolSize: number; __skipPingOnConnect?: boolean };
    const { minPoolSize } = options;
    // The pool here stays empty: the driver fills it to minPoolSize unless it is 0.
    options.minPoolSize = 0;
    options.__skipPingOnConnect = true;
    try {
      await this.#native.connect();
    } finally {
      options.minPoolSize = minPoolSize;
      delete options.__skipPingOnConnect;
    }
    if (!closed.aborted) return;
    // While it looks for the hosts, the driver has nothing to close, and goes on to monitor them.
    await this.#native.close();
    throw new MongoClientClosedError();
  }
}
