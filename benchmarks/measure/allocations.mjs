import { Session } from 'node:inspector/promises';

/** One sample for so many bytes on average. */
const samplingInterval = 16_384;

/**
 * Bytes that `work` allocates on the main thread's JavaScript heap, whether they live on or not: V8's
 * sampling heap profiler, which sees this thread only. What lies outside of the heap, such as the bytes
 * of buffers, is not in it. Sampling slows the work down: measure nothing else meanwhile.
 */
export async function allocatedBytes(work) {
  const session = new Session();
  session.connect();
  try {
    await session.post('HeapProfiler.startSampling', {
      samplingInterval,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    });
    await work();
    const { profile } = await session.post('HeapProfiler.stopSampling');
    return sizeOf(profile.head);
  } finally {
    session.disconnect();
  }
}

function sizeOf({ selfSize, children }) {
  return children.reduce((sum, child) => sum + sizeOf(child), selfSize);
}
