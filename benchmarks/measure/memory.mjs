import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const restMS = 50;

/**
 * Returns the resident megabytes of the process at rest, after a garbage collection. `peakMemory` counts from here.
 */
export async function memoryAtRest() {
  globalThis.gc?.();
  await sleep(restMS);
  globalThis.gc?.();
  forgetPeak();
  return process.memoryUsage.rss() / 2 ** 20;
}

/**
 * Returns the highest resident megabytes since `memoryAtRest`, or since the process started if the kernel cannot
 * reset them.
 */
export function peakMemory() {
  const status = read('/proc/self/status');
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status ?? '')?.[1];
  return Number(kilobytes ?? process.resourceUsage().maxRSS) / 1024;
}

/** On Linux, 5 resets the high-water mark of the resident memory (man 5 proc). */
function forgetPeak() {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // Not Linux, or not allowed: the mark stays, and is never too low.
  }
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
