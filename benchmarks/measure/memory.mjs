import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const restMS = 50;

/** Resident megabytes of the process when it rests and its garbage is collected. From here on the peak counts. */
export async function memoryAtRest() {
  globalThis.gc?.();
  await sleep(restMS);
  globalThis.gc?.();
  forgetPeak();
  return process.memoryUsage.rss() / 2 ** 20;
}

/** The most resident megabytes since `memoryAtRest`; since the process began where the kernel cannot forget. */
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
    // Not Linux, or not allowed: the mark stays where it was, which is never below the true one.
  }
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
