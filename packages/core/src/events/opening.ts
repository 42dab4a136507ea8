import type { MongoClient } from 'mongodb';

interface Hold {
  /** How many calls of `connect()` are under way. */
  calls: number;
  /** The monitoring has connected meanwhile. */
  opened: boolean;
}

const holds = new WeakMap<object, Hold>();

/**
 * The driver tells `open` when a client is connected. Here its monitoring tells it, which authenticates
 * nothing: where a program has called `connect()`, it is told when a worker is connected as well.
 *
 * @returns to be called when that is so, or has failed
 */
export function holdOpen(client: MongoClient): (connected: boolean) => void {
  const hold = holds.get(client) ?? { calls: 0, opened: false };
  holds.set(client, hold);
  hold.calls++;
  return (connected) => {
    const { opened } = hold;
    hold.opened &&= !connected;
    if (--hold.calls === 0) holds.delete(client);
    if (!opened || !connected) return;
    holds.delete(client);
    client.emit('open', client);
  };
}

/** Whether `open`, which the monitoring tells now, is to be told later. */
export function openHeld(client: object): boolean {
  const hold = holds.get(client);
  if (hold === undefined) return false;
  hold.opened = true;
  return true;
}
