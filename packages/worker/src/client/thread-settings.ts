import dns from 'node:dns';

import type { NameResolution } from '../protocol';

/**
 * Lets this thread resolve names as the main thread does: what `dns.setServers` and
 * `dns.setDefaultResultOrder` set holds for one thread.
 */
export function resolveNamesAs({ servers, order }: NameResolution): void {
  if (order !== dns.getDefaultResultOrder()) dns.setDefaultResultOrder(order);
  if (servers.join() === dns.getServers().join()) return;
  dns.setServers(servers);
}

/**
 * Gives this thread, whose `process.env` is a copy from when it started, the main thread's variables:
 * the driver reads there where it runs, and the providers of credentials what they are to give.
 */
export function useEnvironment(env: Record<string, string>): void {
  for (const name of Object.keys(process.env)) {
    if (!Object.hasOwn(env, name)) Reflect.deleteProperty(process.env, name);
  }
  for (const [name, value] of Object.entries(env)) {
    if (process.env[name] !== value) process.env[name] = value;
  }
}
