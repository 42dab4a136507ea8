import type { MongoClient } from 'mongodb';

import type { ClientInternals, Topology } from '../../driver';

interface Deferral {
  /** Number of calls of `connect()` under way. */
  calls: number;
  /** The topology whose events are held. */
  topology: Topology | undefined;
  /** The events that it emitted meanwhile. */
  held: (() => void)[];
}

const deferrals = new WeakMap<MongoClient, Deferral>();

/**
 * Holds back `open` and `connect` of the driver's topology while `connect()` is under way. The driver emits them when a
 * client is connected, and the client's own `open` follows. Here, the topology connects for monitoring only, without
 * authentication, so the events wait until a worker is connected too. A listener that closes the client then closes a
 * connected one.
 *
 * @returns a function to call when a worker has connected or failed to
 */
export function deferOpen(client: MongoClient): (connected: boolean) => void {
  const deferral = deferrals.get(client) ?? { calls: 0, topology: undefined, held: [] };
  deferrals.set(client, deferral);
  deferral.calls++;
  deferTopologyEvents(client);
  return (connected) => {
    deferral.calls--;
    if (!connected && deferral.calls > 0) return;
    if (deferrals.get(client) === deferral) deferrals.delete(client);
    if (deferral.topology !== undefined) Reflect.deleteProperty(deferral.topology, 'emit');
    const { held } = deferral;
    deferral.held = [];
    if (connected) for (const emit of held) emit();
  };
}

/** Holds back the events of a topology that starts connecting while `connect()` is under way. */
export function deferTopologyEvents(client: MongoClient): void {
  const deferral = deferrals.get(client);
  const { topology } = client as unknown as ClientInternals;
  if (deferral === undefined || topology === undefined || topology === deferral.topology) return;
  if (topology.isConnected()) return;
  deferral.topology = topology;
  const emit = topology.emit.bind(topology);
  topology.emit = (name, ...args) => {
    if (name !== 'open' && name !== 'connect') return emit(name, ...args);
    deferral.held.push(() => emit(name, ...args));
    return true;
  };
}
