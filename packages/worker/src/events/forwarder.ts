import type { MongoClient } from 'mongodb';

import { logDocuments } from './log';
import type { PoolKind } from '../protocol';
import type { EventOutbox } from './outbox';
import { pack } from './pack';

type Listener = (event: object) => void;

interface Emitter {
  on(name: string, listener: Listener): unknown;
  off(name: string, listener: Listener): unknown;
}

interface Source {
  emitter: Emitter;
  pool: PoolKind;
  listeners: Map<string, Listener>;
}

/**
 * Forwards the events of this worker's clients for one client of the application, if the main thread has a listener.
 */
export class EventForwarder {
  readonly #id: number;
  readonly #outbox: EventOutbox;
  readonly #logs: boolean;
  readonly #sources: Source[] = [];
  #names: readonly string[] = [];

  /** @param logs - the clients log as well */
  constructor(id: number, outbox: EventOutbox, logs: boolean) {
    this.#id = id;
    this.#outbox = outbox;
    this.#logs = logs;
  }

  /** Whether there may be anything to send. */
  get active(): boolean {
    return this.#logs || this.#names.length > 0;
  }

  add(client: MongoClient, pool: PoolKind = 'operations'): void {
    const source: Source = { emitter: client, pool, listeners: new Map() };
    this.#sources.push(source);
    if (this.#logs) logDocuments(client);
    this.#subscribe(source);
  }

  /** Forwards these events from now on, and no others. */
  listen(names: readonly string[]): void {
    this.#names = names;
    for (const source of this.#sources) this.#subscribe(source);
  }

  #subscribe({ emitter, pool, listeners }: Source): void {
    for (const [name, listener] of listeners) {
      if (this.#names.includes(name)) continue;
      emitter.off(name, listener);
      listeners.delete(name);
    }
    for (const name of this.#names) {
      if (listeners.has(name)) continue;
      const listener: Listener = (event) => {
        this.#outbox.add(pack({ type: 'event', client: this.#id, name, pool }, event));
      };
      listeners.set(name, listener);
      emitter.on(name, listener);
    }
  }
}
