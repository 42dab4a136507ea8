import type { EventEmitter } from 'node:events';

import type { ClientEvents } from './client-events';

const known = new WeakMap<object, ClientEvents>();

/** Makes `events` follow the listeners of `client` from now on. */
export function watchListeners(client: object, events: ClientEvents): void {
  known.set(client, events);
  // Those that came in a subclass's way of constructing it.
  events.listenersChanged(undefined);
}

/** The methods through which listeners come and go; `once` and `prependOnceListener` call these. */
const METHODS = [
  'on',
  'addListener',
  'prependListener',
  'off',
  'removeListener',
  'removeAllListeners',
] as const;

/** Replaces the emitter's methods that `watchListeners` needs. */
export function installListenerWatch(prototype: object): void {
  for (const name of METHODS) {
    const native = (prototype as Record<string, unknown>)[name] as (
      ...args: unknown[]
    ) => EventEmitter;
    Object.defineProperty(prototype, name, {
      writable: true,
      configurable: true,
      value(this: EventEmitter, ...args: unknown[]): EventEmitter {
        const result = native.apply(this, args);
        known.get(this)?.listenersChanged(args[0] as string | symbol | undefined);
        return result;
      },
    });
  }
}
