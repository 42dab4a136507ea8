import { MongoClientClosedError, type MongoClient } from 'mongodb';

import { loadingContext } from '../../event-loop';
import type { Lifetime } from '../../client';

/** The driver's own methods of a client. */
interface Native {
  connect(): Promise<unknown>;
  close(): Promise<void>;
}

/** The driver's monitoring on the main thread. It opens no connections other than those of its monitors. */
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
   * @throws MongoClientClosedError if the client is closed meanwhile
   */
  async start(): Promise<void> {
    const { signal } = this.#lifetime();
    signal.throwIfAborted();
    // If the client was closed during an earlier start, that start must end first.
    while (this.#starting !== undefined && this.#starting.in !== signal) {
      await this.#starting.promise.catch(() => undefined);
    }
    if (this.#starting === undefined) {
      let begin!: (started: Promise<void>) => void;
      const promise = new Promise<void>((resolve) => (begin = resolve));
      // Set before the start: listeners of the first events may call operations, which must not start it again.
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
    // A close during the DNS lookup of the hosts finds nothing to close, so the driver would go on to monitor them.
    await this.#native.close();
    throw new MongoClientClosedError();
  }
}
