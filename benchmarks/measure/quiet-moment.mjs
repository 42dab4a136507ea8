import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const lookMS = 300;
/** Share of all cores. A server at rest and this program's own timers stay well below. */
const quietShare = 0.1;

/**
 * Waits until nothing else uses the processors, but no longer than `patienceMS`. Tells whether it became
 * quiet; undefined where the system does not say (no /proc/stat).
 */
export async function quietMoment(patienceMS) {
  const deadline = performance.now() + patienceMS;
  for (;;) {
    const share = await busyShare();
    if (share === undefined) return undefined;
    if (share <= quietShare) return true;
    if (performance.now() >= deadline) return false;
    await sleep(1_000 * Math.random());
  }
}

async function busyShare() {
  const before = cpuTicks();
  if (before === undefined) return undefined;
  await sleep(lookMS);
  const after = cpuTicks();
  const all = after.all - before.all;
  return all === 0 ? 0 : (all - (after.idle - before.idle)) / all;
}

function cpuTicks() {
  let line;
  try {
    [line] = readFileSync('/proc/stat', 'utf8').split('\n', 1);
  } catch {
    return undefined;
  }
  // user, nice, system, idle, iowait, irq, softirq, steal; the guests' time is in user and nice already.
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const all = ticks.reduce((sum, value) => sum + value, 0);
  return { all, idle: ticks[3] + ticks[4] };
}
