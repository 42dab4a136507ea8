import dns from 'node:dns';

import type { DriverInfo, MongoClientOptions } from 'mongodb';

import { loadingContext } from '../../event-loop';
import { expectEvents, expectNoEvents, type ClientEvents } from '../../events';
import type { Lane } from '../../pool';
import type { CredentialCallbacks } from '../credentials';
import type { LaneChoice } from './lane-choice';
import type { PoolShares } from './pool-shares';

/** The settings with which the application created a client. */
export interface ClientOfApplication {
  url: string;
  /** The options for the workers' clients: see `optionsForWorkers`. */
  options: MongoClientOptions;
  pools: PoolShares;
  events: ClientEvents;
  credentials: CredentialCallbacks | undefined;
}

let nextClient = 1;

/** Registers one client with its workers: with each worker when the first call goes there. */
export class ClientRegistration {
  readonly id = nextClient++;
  readonly #url: string;
  readonly #options: MongoClientOptions;
  readonly #pools: PoolShares;
  readonly #events: ClientEvents;
  readonly #credentials: CredentialCallbacks | undefined;
  readonly #lanes: LaneChoice;
  readonly #appended: DriverInfo[] = [];

  constructor(
    { url, options, pools, events, credentials }: ClientOfApplication,
    lanes: LaneChoice,
  ) {
    this.#url = url;
    this.#options = options;
    this.#pools = pools;
    this.#events = events;
    this.#credentials = credentials;
    this.#lanes = lanes;
    events.onChange = (wanted) => {
      for (const lane of lanes.open()) lane.listen(this.id, wanted);
    };
  }

  /**
   * Makes the client known on a lane, unless it is known there.
   *
   * @throws MongoClientClosedError if the client is closed; one of its sessions may still have a lane then
   */
  readonly define = (lane: Lane): void => {
    this.#lanes.lifetime.check();
    lane.define(this.id, () => {
      expectEvents(this.id, this.#events);
      const { monitorCommands, log, wanted } = this.#events;
      const share = this.#pools.of(lane.index, this.#lanes.count);
      const options = { ...this.#options, ...share, monitorCommands };
      // Callbacks serve all callers, so they do not run in the first caller's async context.
      const credentials = loadingContext.run(() => this.#credentials?.serve());
      const appended = this.#appended;
      const names = { servers: dns.getServers(), order: dns.getDefaultResultOrder() };
      const env = environment();
      return { url: this.#url, options, log, credentials, appended, names, env, events: wanted };
    });
  };

  /** Whether the client's events or log messages are wanted. */
  get heard(): boolean {
    return this.#events.active;
  }

  /** Adds to the client metadata that workers send on every connection opened from now on. */
  appendMetadata({ name, version, platform }: DriverInfo): void {
    const driverInfo = { name, version, platform };
    this.#appended.push(driverInfo);
    for (const lane of this.#lanes.open()) lane.appendMetadata(this.id, driverInfo);
  }

  /** Stops calling the application's credential callbacks. */
  closeCredentials(): void {
    this.#credentials?.close();
  }

  /** Closes the client in all workers that know it. */
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
}

/** The variables of `process.env`. An application may have replaced it with an object that holds values of any kind. */
function environment(): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of Object.keys(process.env)) {
    const value: unknown = process.env[name];
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      env[name] = String(value);
    }
  }
  return env;
}
