import { setTimeout as sleep } from 'node:timers/promises';
import { MalformedTest } from '../outcome.mjs';
import { plain } from './plain.mjs';

/** The test format's name of each event, with the driver's name and the kind it belongs to. */
const events = {
  commandStartedEvent: ['commandStarted', 'command'],
  commandSucceededEvent: ['commandSucceeded', 'command'],
  commandFailedEvent: ['commandFailed', 'command'],
  poolCreatedEvent: ['connectionPoolCreated', 'cmap'],
  poolReadyEvent: ['connectionPoolReady', 'cmap'],
  poolClearedEvent: ['connectionPoolCleared', 'cmap'],
  poolClosedEvent: ['connectionPoolClosed', 'cmap'],
  connectionCreatedEvent: ['connectionCreated', 'cmap'],
  connectionReadyEvent: ['connectionReady', 'cmap'],
  connectionClosedEvent: ['connectionClosed', 'cmap'],
  connectionCheckOutStartedEvent: ['connectionCheckOutStarted', 'cmap'],
  connectionCheckOutFailedEvent: ['connectionCheckOutFailed', 'cmap'],
  connectionCheckedOutEvent: ['connectionCheckedOut', 'cmap'],
  connectionCheckedInEvent: ['connectionCheckedIn', 'cmap'],
  serverDescriptionChangedEvent: ['serverDescriptionChanged', 'sdam'],
  serverHeartbeatStartedEvent: ['serverHeartbeatStarted', 'sdam'],
  serverHeartbeatSucceededEvent: ['serverHeartbeatSucceeded', 'sdam'],
  serverHeartbeatFailedEvent: ['serverHeartbeatFailed', 'sdam'],
  topologyDescriptionChangedEvent: ['topologyDescriptionChanged', 'sdam'],
};

/** @param {string} name with a small first letter or, as in `storeEventsAsEntities`, a capital */
export const isCommandEvent = (name) => /^command/i.test(name);

/** Commands whose events carry secrets. `hello` is one only where the driver emptied it. */
const sensitive = new Set([
  'authenticate',
  'saslStart',
  'saslContinue',
  'getnonce',
  'createUser',
  'updateUser',
  'copydbgetnonce',
  'copydbsaslstart',
  'copydb',
]);
const hello = new Set(['hello', 'ismaster', 'isMaster']);

/** A client of the driver under test, and what it was seen to do. */
export class ObservedClient {
  /** @type {{ name: string, kind: string, event: any }[]} */
  #observed = [];
  /** @type {[string, (event: any) => void][]} */
  #listeners = [];
  #checkedOut = 0;
  #description;

  /**
   * @param {import('mongodb').MongoClient} client
   * @param {any} description the client's entry in `createEntities`
   */
  constructor(client, description) {
    this.client = client;
    this.#description = description;
    this.#listen('connectionCheckedOut', () => this.#checkedOut++);
    this.#listen('connectionCheckedIn', () => this.#checkedOut--);
    for (const name of description.observeEvents ?? []) {
      if (!Object.hasOwn(events, name)) throw new MalformedTest(`Unknown event ${name}`);
      const [driverName, kind] = events[name];
      this.#listen(driverName, (event) => {
        if (kind === 'command') this.#observeCommand(name, event);
        else this.#observed.push({ name, kind, event });
      });
    }
    for (const { id, events: names } of description.storeEventsAsEntities ?? []) {
      this.#store(id, names);
    }
  }

  /** Event lists that `storeEventsAsEntities` asks for, by the name of their entity. */
  stored = new Map();

  get connectionsCheckedOut() {
    return this.#checkedOut;
  }

  /** @param {string} kind command, cmap or sdam */
  observed(kind) {
    return this.#observed.filter((entry) => entry.kind === kind);
  }

  commandsStarted() {
    return this.#observed
      .filter(({ name }) => name === 'commandStartedEvent')
      .map(({ event }) => event);
  }

  /** @param {(entry: { name: string, event: any }) => boolean} predicate */
  count(predicate) {
    return this.#observed.filter(predicate).length;
  }

  /** Waits until `count` such events were seen. */
  async waitFor(predicate, count) {
    while (this.count(predicate) < count) await sleep(5);
  }

  stopObserving() {
    for (const [name, listener] of this.#listeners) this.client.off(name, listener);
    this.#listeners = [];
  }

  #listen(name, listener) {
    this.client.on(name, listener);
    this.#listeners.push([name, listener]);
  }

  #store(id, names) {
    const list = [];
    this.stored.set(id, list);
    for (const name of names) {
      const key = name[0].toLowerCase() + name.slice(1);
      if (!Object.hasOwn(events, key)) throw new MalformedTest(`Unknown event ${name}`);
      this.#listen(events[key][0], (event) => {
        list.push({ ...event, name, observedAt: Date.now() / 1000 });
      });
    }
  }

  #observeCommand(name, event) {
    if (this.#ignores(event)) return;
    // A copy, since a driver may go on changing the command: a read concern that gets a cluster time
    // in a later transaction is the one of the earlier command's event too.
    const { commandName, databaseName, serviceId, serverConnectionId } = event;
    const copy = { commandName, databaseName, serviceId, serverConnectionId };
    if (event.command) copy.command = plain(event.command);
    if (event.reply) copy.reply = plain(event.reply);
    this.#observed.push({ name, kind: 'command', event: copy });
  }

  #ignores(event) {
    const { commandName } = event;
    if (commandName === 'configureFailPoint') return true;
    if (this.#description.ignoreCommandMonitoringEvents?.includes(commandName)) return true;
    if (this.#description.observeSensitiveCommands) return false;
    const body = event.command ?? event.reply;
    const emptied = body != null && Object.keys(body).length === 0;
    return sensitive.has(commandName) || (hello.has(commandName) && emptied);
  }
}
