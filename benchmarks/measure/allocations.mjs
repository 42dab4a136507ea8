import { Session } from 'node:inspector/promises';

/** Bytes per sample, on average. */
const samplingInterval = 16_384;

/**
 * Returns the bytes that `work` allocates on the JavaScript heap of the main thread, dead objects included. They
 * come from V8's sampling heap profiler, which sees this thread only. Memory outside of the heap, such as the bytes
 * of buffers, is not counted. Sampling slows the work down, so measure nothing else meanwhile.
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
