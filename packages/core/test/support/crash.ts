import path from 'node:path';
import type { Worker } from 'node:worker_threads';

import { WorkerPool } from './internals';

/**
 * Makes a worker die: `exit` by `process.exit`, `throw` by an error that nothing catches, `memory` by
 * taking more than there is, `stall` by `process.exit` after 300 ms in which it looked at nothing. `busy`
 * lives on, after 3 s in which it looked at nothing.
 *
 * Piscina's worker loads the file that such a message names; ours do what they are named for.
 */
export function crash(thread: Worker, how: 'exit' | 'throw' | 'memory' | 'stall' | 'busy'): void {
  thread.postMessage({
    filename: path.join(__dirname, 'crash', `${how}.cjs`),
    name: 'default',
    niceIncrement: 0,
  });
}

/** Ends all worker threads of the pool at once. */
export async function killWorkers(): Promise<void> {
  const { threads } = WorkerPool.running!;
  await Promise.all(threads.map(async (thread) => await thread.terminate()));
}
