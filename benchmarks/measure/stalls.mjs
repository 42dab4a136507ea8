import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * How long the event loop is held up while `work` runs, by two witnesses: Node's own histogram, and the
 * gaps between the ticks of a 1 ms timer. Both count the millisecond for which they wait: an idle loop
 * shows a little over 1.
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
  // The timers' own first ticks are no part of the work.
  await sleep(10);
  histogram.reset();
  // A histogram that was reset counts from its next tick on; work that blocks at once must not escape it.
  await sleep(5);
  gaps.length = 0;
  await work();
  // A stall is recorded by the tick that comes behind it.
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
