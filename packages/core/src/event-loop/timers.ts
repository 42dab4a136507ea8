import { performance } from 'node:perf_hooks';
import { clearTimeout, setImmediate, setTimeout } from 'node:timers';
import { setTimeout as delay } from 'node:timers/promises';
import { runInThisContext } from 'node:vm';

/**
 * The process object of the whole process. Jest gives each test file a `process` of its own and fakes functions there.
 */
const main = runInThisContext('({ process, queueMicrotask })') as {
  process: { nextTick: (callback: (...args: never[]) => void, ...args: unknown[]) => void };
  queueMicrotask: typeof queueMicrotask;
};

/** Returns the original of a fake from @sinonjs/fake-timers (Jest, Vitest, Sinon), and any other function as it is. */
function genuine<F extends (...args: never[]) => unknown>(name: string, fn: F): F {
  const { clock } = fn as { clock?: Record<string, F | undefined> };
  return clock?.[`_${name}`] ?? fn;
}

const immediate = genuine('setImmediate', setImmediate);

/**
 * Node's own timers, ticks and clock, captured when the package was loaded. If fakes were already installed, the
 * originals are found beneath them. Tests replace these functions with fakes that do nothing until the test advances
 * them. The driver's operations complete all the same, and so must ours.
 */
export const timers = {
  clearTimeout: genuine('clearTimeout', clearTimeout),
  setImmediate: immediate,
  setTimeout: genuine('setTimeout', setTimeout),
  nextTick: genuine('nextTick', main.process.nextTick),
  queueMicrotask: genuine('queueMicrotask', main.queueMicrotask),
  /** Milliseconds on a clock for measuring durations. */
  now: performance.now.bind(performance),
  /** Resolves in the next turn of the event loop. */
  nextTurn: (): Promise<void> => new Promise((resolve) => immediate(resolve)),
  delay,
} as const;
