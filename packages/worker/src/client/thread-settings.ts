import dns from 'node:dns';

import type { NameResolution } from '../protocol';

/**
 * Makes this thread resolve names as the main thread does: `dns.setServers` and `dns.setDefaultResultOrder` apply to
 * one thread.
 */
export function resolveNamesAs({ servers, order }: NameResolution): void {
  if (order !== dns.getDefaultResultOrder()) dns.setDefaultResultOrder(order);
  if (servers.join() === dns.getServers().join()) return;
  dns.setServers(servers);
}

/**
 * Gives this thread the main thread's environment variables. Its `process.env` is a copy from its start. The driver and
 * the providers of credentials read it.
 */
export function useEnvironment(env: Record<string, string>): void {
  for (const name of Object.keys(process.env)) {
    if (!Object.hasOwn(env, name)) Reflect.deleteProperty(process.env, name);
  }
  for (const [name, value] of Object.entries(env)) {
    if (process.env[name] !== value) process.env[name] = value;
  }
}
