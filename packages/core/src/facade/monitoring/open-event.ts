import type { MongoClient } from 'mongodb';

import type { ClientInternals, Topology } from '../../driver';

interface Hold {
  /** How many calls of `connect()` are under way. */
  calls: number;
  /** The topology whose events are held. */
  topology: Topology | undefined;
  /** The events that it emitted meanwhile. */
  held: (() => void)[];
}

const holds = new WeakMap<MongoClient, Hold>();

/**
 * Holds back `open` and `connect` of the driver's topology while `connect()` is under way. The driver emits them when a
 * client is connected, and the client's own `open` follows. Here the topology connects for monitoring only, without
 * authentication, so the events wait until a worker is connected as well. A listener that closes the client then closes
 * one that is connected.
 *
 * @returns a function to call when a worker has connected or failed to
 */
export function holdOpen(client: MongoClient): (connected: boolean) => void {
  const hold = holds.get(client) ?? { calls: 0, topology: undefined, held: [] };
  holds.set(client, hold);
  hold.calls++;
  holdTopology(client);
  return (connected) => {
    hold.calls--;
    if (!connected && hold.calls > 0) return;
    if (holds.get(client) === hold) holds.delete(client);
    if (hold.topology !== undefined) Reflect.deleteProperty(hold.topology, 'emit');
    const { held } = hold;
    hold.held = [];
    if (connected) for (const emit of held) emit();
  };
}

/** Holds back the events of a topology that starts connecting while `connect()` is under way. */
export function holdTopology(client: MongoClient): void {
  const hold = holds.get(client);
  const { topology } = client as unknown as ClientInternals;
  if (hold === undefined || topology === undefined || topology === hold.topology) return;
  if (topology.isConnected()) return;
  hold.topology = topology;
  const emit = topology.emit.bind(topology);
  topology.emit = (name, ...args) => {
    if (name !== 'open' && name !== 'connect') return emit(name, ...args);
    hold.held.push(() => emit(name, ...args));
    return true;
  };
}
