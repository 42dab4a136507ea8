import type { EventEmitter } from 'node:events';

import type { MongoClient } from 'mongodb';

import { loadingContext } from '../../event-loop';
import { offloadedState } from '../../client';
import { deferTopologyEvents } from './open-event';
import { followEarlyFailures, forgetFailures, noteCleared } from '../../events';

export type Phase = 'life' | 'use' | 'end';

/**
 * Holds back events and log lines about the pools on the main thread. The driver makes one for each server that it
 * monitors, but opens no connection in it, and the application already hears about the workers' pools. So a pool here
 * is reported only once an operation that runs on the main thread by design uses it.
 */
export class UnusedPools<T> {
  readonly #held = new Map<string, T[]>();
  readonly #used = new Set<string>();

  /** Takes an item about a pool, and returns those to report now. */
  next(phase: Phase, address: string, item: T): T[] {
    if (this.#used.has(address)) {
      if (phase === 'end') this.#used.delete(address);
      return [item];
    }
    const held = this.#held.get(address) ?? [];
    if (phase === 'life') {
      this.#held.set(address, [...held, item]);
      return [];
    }
    this.#held.delete(address);
    if (phase === 'end') return [];
    this.#used.add(address);
    return [...held, item];
  }
}

const EVENTS = new Map<string | symbol, Phase>([
  ['connectionPoolCreated', 'life'],
  ['connectionPoolReady', 'life'],
  ['connectionPoolCleared', 'life'],
  ['connectionPoolClosed', 'end'],
  ['connectionCheckOutStarted', 'use'],
  ['connectionCreated', 'use'],
]);

/** Returns whether an event is about the deployment, and so belongs to no single operation. */
function ofMonitoring(name: string | symbol): boolean {
  return typeof name === 'string' && (name.startsWith('server') || name.startsWith('topology'));
}

type PoolEvent = { address: string; offloadWorker?: number };
type Emitted = [name: string | symbol, event: PoolEvent];

const pools = new WeakMap<object, UnusedPools<Emitted>>();

/** Replaces `emit`, through which the driver's topology on the main thread reports its events. */
export function installMainPools(prototype: object): void {
  const { emit: native } = prototype as { emit: (this: object, ...args: unknown[]) => boolean };
  Object.defineProperty(prototype, 'emit', {
    writable: true,
    configurable: true,
    value(this: MongoClient & EventEmitter, ...args: unknown[]): boolean {
      const [name, event] = args as Emitted;
      if (name === 'topologyOpening') deferTopologyEvents(this);
      const phase = EVENTS.get(name);
      if (phase === undefined) {
        // The driver may have started or restarted its monitoring in the context of an operation.
        const wasHeard = ofMonitoring(name)
          ? loadingContext.run(() => native.apply(this, args))
          : native.apply(this, args);
        if (name === 'topologyDescriptionChanged') followEarlyFailures(this);
        else if (name === 'topologyOpening' || name === 'topologyClosed') forgetFailures(this);
        return wasHeard;
      }
      if (event?.offloadWorker !== undefined || offloadedState(this) === undefined) {
        return native.apply(this, args);
      }
      if (name === 'connectionPoolCleared') noteCleared(this, event.address);
      let unused = pools.get(this);
      if (unused === undefined) pools.set(this, (unused = new UnusedPools()));
      for (const due of unused.next(phase, event.address, [name, event])) native.apply(this, due);
      return this.listenerCount(name) > 0;
    },
  });
}
