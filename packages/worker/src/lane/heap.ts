import { getHeapStatistics } from 'node:v8';

import type { HeapReply } from '../protocol';

/** Returns the memory use of this thread. */
export function heap(): HeapReply {
  const {
    used_heap_size: used,
    heap_size_limit: limit,
    external_memory: external,
  } = getHeapStatistics();
  return { used, limit, external };
}
