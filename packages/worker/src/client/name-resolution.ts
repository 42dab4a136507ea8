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
