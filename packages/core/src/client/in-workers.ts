import dns from 'node:dns';

import type { DriverInfo, MongoClientOptions } from 'mongodb';

import { expectEvents, expectNoEvents, type ClientEvents } from '../events';
import type { Lane } from '../pool/lane';
import type { CredentialCallbacks } from './credential-callbacks';
import type { LaneChoice } from './lane-choice';

/** The driver's own default. */
const DEFAULT_MAX_POOL_SIZE = 100;

let nextClient = 1;

/** A client as its workers know it: each is told when the first call goes there. */
export class ClientInWorkers {
  readonly id = nextClient++;
  readonly #url: string;
  readonly #options: MongoClientOptions;
  readonly #events: ClientEvents;
  readonly #credentials: CredentialCallbacks | undefined;
  readonly #lanes: LaneChoice;
  readonly #appended: DriverInfo[] = [];

  constructor(
    url: string,
    options: MongoClientOptions,
    {
      events,
      credentials,
      lanes,
    }: { events: ClientEvents; credentials: CredentialCallbacks | undefined; lanes: LaneChoice },
  ) {
    this.#url = url;
    this.#options = options;
    this.#events = events;
    this.#credentials = credentials;
    this.#lanes = lanes;
    events.onChange = (wanted) => {
      for (const lane of lanes.open()) lane.listen(this.id, wanted);
    };
  }

  /**
   * Makes it known on a lane, where it is not.
   *
   * @throws MongoClientClosedError where it is closed: a session may still have its lane then
   */
  readonly define = (lane: Lane): void => {
    this.#lanes.lifetime.check();
    lane.define(this.id, () => {
      expectEvents(this.id, this.#events);
      const { monitorCommands, log, wanted } = this.#events;
      const options = { ...this.#share(lane), monitorCommands };
      const credentials = this.#credentials?.serve();
      const appended = this.#appended;
      const names = { servers: dns.getServers(), order: dns.getDefaultResultOrder() };
      const env = { ...process.env };
      return { url: this.#url, options, log, credentials, appended, names, env, events: wanted };
    });
  };

  /** Whether someone listens to its events. */
  get heard(): boolean {
    return this.#events.active;
  }

  /** What the connections of all workers, made from now on, say of themselves besides. */
  appendMetadata({ name, version, platform }: DriverInfo): void {
    const driverInfo = { name, version, platform };
    this.#appended.push(driverInfo);
    for (const lane of this.#lanes.open()) lane.appendMetadata(this.id, driverInfo);
  }

  /** Nobody is asked for credentials any more. */
  closeCredentials(): void {
    this.#credentials?.close();
  }

  /** Closes it in all workers that know it. */
  async close(lanes: Lane[], force: boolean, endSessions: Uint8Array[]): Promise<void> {
    // One worker ends the server's sessions for all.
    await Promise.all(
      lanes
        .filter((lane) => lane.knows(this.id))
        .map((lane, i) => lane.closeClient(this.id, force, i === 0 ? endSessions : [])),
    );
    expectNoEvents(this.id);
    this.#events.closed();
  }

  /** The client's options for one worker: pool sizes are for the whole client, so each gets its part. */
  #share(lane: Lane): Record<string, unknown> {
    const options: MongoClientOptions = { ...this.#options };
    const { maxPoolSize = DEFAULT_MAX_POOL_SIZE, minPoolSize } = options;
    if (maxPoolSize > 0) options.maxPoolSize = this.#lanes.share(maxPoolSize, lane);
    if (minPoolSize !== undefined && minPoolSize > 0) {
      options.minPoolSize = this.#lanes.share(minPoolSize, lane);
    }
    return options as Record<string, unknown>;
  }
}
