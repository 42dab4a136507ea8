import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Measures the stalls of the event loop while `work` runs, with Node's histogram and with the gaps between the
 * ticks of a 1 ms timer. Both include the millisecond for which they wait: an idle loop shows a little over 1.
 */
export async function watchStalls(work) {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  const gaps = [];
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    gaps.push(now - last);
    last = now;
  }, 1);
  histogram.enable();
  // The first ticks of the timers are not part of the work.
  await sleep(10);
  histogram.reset();
  // After a reset the histogram counts from its next tick. Wait for it, in case the work blocks at once.
  await sleep(5);
  gaps.length = 0;
  await work();
  // The tick after a stall records it.
  await sleep(10);
  clearInterval(timer);
  histogram.disable();
  gaps.sort((a, b) => a - b);
  return {
    stallMax: histogram.max / 1e6,
    stallP99: histogram.percentile(99) / 1e6,
    gapMax: gaps.at(-1) ?? 0,
    gapP99: quantile(gaps, 0.99),
  };
}

/** @param {number[]} sorted */
export function quantile(sorted, q) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
}
