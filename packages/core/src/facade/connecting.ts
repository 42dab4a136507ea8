import { MongoNotConnectedError, type MongoClient } from 'mongodb';

import { untilAborted } from '../abort';
import { encodeCall } from '../calls';
import type { ClientLink } from '../client';
import type { ClientInternals } from '../driver';
import { deferOpen, type Monitoring } from './monitoring';
import type { Closing } from './closing';
import { clientTarget } from '../methods';

/** How a client whose work is done in workers connects: there, and with its monitoring here. */
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
      // As the driver's, which is connected until it is closed.
      if (this.#internals.topology?.isConnected() === true) return;
      await this.#closing.behind(() => lifetime.begin());
    }
    const { topology } = this.#internals;
    const monitored = topology?.isConnected() === true;
    const tellOpen = deferOpen(this.#client);
    const [worker, monitoring] = await Promise.allSettled([
      this.#link.send({
        name: 'client.connect',
        target: clientTarget(this.#client),
        args: encodeCall({}, {}),
        exemption: 'background',
      }),
      this.#monitoring.start(),
    ]);
    tellOpen(worker.status === 'fulfilled' && monitoring.status === 'fulfilled');
    // The worker's is the connection that matters; it has authenticated as well.
    if (worker.status === 'rejected') {
      // What connects in vain leaves nothing that keeps the process alive.
      if (!monitored) this.#internals.topology?.close();
      throw await rethrown(worker.reason);
    }
    if (monitoring.status === 'rejected') throw await rethrown(monitoring.reason);
  }

  /** One try to reach a server, by a client of its own: its time limit is not this client's. */
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
    // Where it was closed meanwhile, connecting would open it again.
    signal?.throwIfAborted();
    await untilAborted(this.connect(), signal);
  }

  /**
   * To be called before each operation.
   *
   * @throws MongoNotConnectedError from the moment on at which the client begins to close
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

/** Passes an error on from the async function that the caller awaits. */
async function rethrown(reason: unknown): Promise<unknown> {
  return await Promise.resolve(reason);
}
