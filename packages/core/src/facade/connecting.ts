import { MongoNotConnectedError, type MongoClient } from 'mongodb';

import { untilAborted } from '../abort';
import { encodeCall } from '../calls';
import type { ClientLink } from '../client';
import type { ClientInternals } from '../driver';
import { deferOpen, type Monitoring } from './monitoring';
import type { Closing } from './closing';
import { clientTarget } from '../methods';

/** Connects a client: in a worker, and with the driver's monitoring on the main thread. */
export class Connecting {
  readonly #client: MongoClient;
  readonly #link: ClientLink;
  readonly #closing: Closing;
  readonly #monitoring: Monitoring;

  constructor(client: MongoClient, link: ClientLink, closing: Closing, monitoring: Monitoring) {
    this.#client = client;
    this.#link = link;
    this.#closing = closing;
    this.#monitoring = monitoring;
  }

  async connect(): Promise<void> {
    const { lifetime } = this.#link;
    if (this.#closing.current === undefined) {
      lifetime.begin();
    } else {
      // As with the driver, a client is connected until its close has ended.
      if (this.#internals.topology?.isConnected() === true) return;
      await this.#closing.afterClose(() => lifetime.begin());
    }
    const { topology } = this.#internals;
    const monitored = topology?.isConnected() === true;
    const endDeferral = deferOpen(this.#client);
    const [worker, monitoring] = await Promise.allSettled([
      this.#link.send({
        name: 'client.connect',
        target: clientTarget(this.#client),
        args: encodeCall({}, {}),
        exemption: 'background',
      }),
      this.#monitoring.start(),
    ]);
    endDeferral(worker.status === 'fulfilled' && monitoring.status === 'fulfilled');
    // The worker's result counts: unlike the monitoring, its connection authenticates.
    if (worker.status === 'rejected') {
      // A failed attempt must not leave a monitoring that keeps the process alive.
      if (!monitored) this.#internals.topology?.close();
      throw await rethrown(worker.reason);
    }
    if (monitoring.status === 'rejected') throw await rethrown(monitoring.reason);
  }

  /** Makes one attempt to reach a server, in the worker with a separate client that has this time limit. */
  async attempt(limitMS: number, signal: AbortSignal | undefined): Promise<void> {
    const ms = Math.max(1, Math.ceil(limitMS));
    const probe = this.#link.send({
      name: 'client.probe',
      target: clientTarget(this.#client),
      args: encodeCall({ o: { limitMS: ms } }, {}),
      exemption: 'background',
      signal,
    });
    await probe;
    // If the client was closed meanwhile, connecting would open it again.
    signal?.throwIfAborted();
    await untilAborted(this.connect(), signal);
  }

  /**
   * Starts the monitoring if it does not run. Call this before each operation.
   *
   * @throws MongoNotConnectedError if the client is closed or being closed
   */
  prepare(): void {
    const { s, topology } = this.#internals;
    if (this.#closing.current !== undefined || (s.hasBeenClosed && topology === undefined)) {
      throw new MongoNotConnectedError('Client must be connected before running operations');
    }
    if (topology?.isConnected() !== true) {
      // The monitoring starts alongside the first operation, which does not wait for it.
      this.#monitoring.start().catch(() => undefined);
    }
  }

  get #internals(): ClientInternals {
    return this.#client as unknown as ClientInternals;
  }
}

/** Rejects with an error from within the async function that the caller awaits. */
async function rethrown(reason: unknown): Promise<unknown> {
  return await Promise.resolve(reason);
}
