import { setTimeout as sleep } from 'node:timers/promises';
import { mainThreadCpuMS, processCpuMS } from './main-thread-cpu.mjs';

/** Long enough for the thread to fall asleep, and for what trails a section (a reply, a close) to end. */
const settleMS = 30;

/** Runs `work` by itself, without a watcher on the loop: two 1 ms timers are work as well. */
export async function measurePass(work) {
  const mainCpuBefore = mainThreadCpuMS();
  const processCpuBefore = processCpuMS();
  const start = performance.now();
  const result = await work();
  const wallMS = performance.now() - start;
  await sleep(settleMS);
  return {
    result,
    wallMS,
    mainCpuMS: mainThreadCpuMS() - mainCpuBefore,
    processCpuMS: processCpuMS() - processCpuBefore,
  };
}

/** A pass does not pay for the garbage of what went before it. */
export async function settle() {
  globalThis.gc?.();
  await sleep(settleMS);
  globalThis.gc?.();
  await sleep(settleMS);
}
