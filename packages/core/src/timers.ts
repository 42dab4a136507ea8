import { performance } from 'node:perf_hooks';
import { clearTimeout, setImmediate, setTimeout } from 'node:timers';
import { setTimeout as delay } from 'node:timers/promises';
import { runInThisContext } from 'node:vm';

/** What Node gives the whole process. Jest gives each test file a `process` of its own, in which it fakes what it is asked to. */
const main = runInThisContext('({ process, queueMicrotask })') as {
  process: { nextTick: (callback: (...args: never[]) => void, ...args: unknown[]) => void };
  queueMicrotask: typeof queueMicrotask;
};

/** What a fake of @sinonjs/fake-timers (Jest, Vitest, Sinon) stands for; any other function as it is. */
function genuine<F extends (...args: never[]) => unknown>(name: string, fn: F): F {
  const { clock } = fn as { clock?: Record<string, F | undefined> };
  return clock?.[`_${name}`] ?? fn;
}

const immediate = genuine('setImmediate', setImmediate);

/**
 * Node's own timers, ticks and clock, as they were when the package was loaded, or as they are beneath fakes that were
 * there already. Tests replace them by faked ones, which stand still until they are told to go on; the driver gets on
 * without them, and so must we.
 */
export const timers = {
  clearTimeout: genuine('clearTimeout', clearTimeout),
  setImmediate: immediate,
  setTimeout: genuine('setTimeout', setTimeout),
  nextTick: genuine('nextTick', main.process.nextTick),
  queueMicrotask: genuine('queueMicrotask', main.queueMicrotask),
  /** Milliseconds, of no meaning but to measure. */
  now: performance.now.bind(performance),
  /** Resolves in the next turn of the event loop. */
  nextTurn: (): Promise<void> => new Promise((resolve) => immediate(resolve)),
  delay,
} as const;
