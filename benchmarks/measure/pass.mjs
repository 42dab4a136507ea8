import { setTimeout as sleep } from 'node:timers/promises';
import { mainThreadCpuMS, processCpuMS } from './main-thread-cpu.mjs';

/** Long enough for the thread to fall asleep, and for late work of a section (a reply, a close) to end. */
const settleMS = 30;

/** Measures `work` without watching the event loop, because the two 1 ms timers would cost CPU as well. */
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

/** Collects the garbage of earlier passes, so the next pass does not pay for it. */
export async function settle() {
  globalThis.gc?.();
  await sleep(settleMS);
  globalThis.gc?.();
  await sleep(settleMS);
}
