import type { MongoClient } from 'mongodb';

/** The driver's own monitoring on the main thread: no connection but the monitors'. */
export class Monitoring {
  readonly #client: MongoClient;
  readonly #connect: () => Promise<unknown>;
  #starting: Promise<unknown> | undefined;

  /** @param connect - the driver's own `connect` of the client */
  constructor(client: MongoClient, connect: () => Promise<unknown>) {
    this.#client = client;
    this.#connect = connect;
  }

  /** Starts it, where it does not run. */
  async start(): Promise<unknown> {
    return await (this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined;
    }));
  }

  async #start(): Promise<void> {
    const options = this.#client.options as { minPoolSize: number; __skipPingOnConnect?: boolean };
    const { minPoolSize } = options;
    // The pool here stays empty: the driver fills it to minPoolSize unless it is 0.
    options.minPoolSize = 0;
    options.__skipPingOnConnect = true;
    try {
      await this.#connect();
    } finally {
      options.minPoolSize = minPoolSize;
      delete options.__skipPingOnConnect;
    }
  }
}
