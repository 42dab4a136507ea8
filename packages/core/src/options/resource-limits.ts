import { OffloadOptionError } from '../errors';

/**
 * Limits of each worker thread's memory, as Node's `worker_threads` takes them. A worker that reaches
 * one dies, and is replaced; what it held rejects with WorkerLostError. They do not count Buffers,
 * which are outside of the heap.
 */
export interface WorkerResourceLimits {
  /** Megabytes of the heap. The driver and an idle client take about 15. Default: Node's, which depends on the machine. */
  maxOldGenerationSizeMb?: number;
  /** Megabytes of the part of the heap for what is young. Default: Node's. */
  maxYoungGenerationSizeMb?: number;
  /** Megabytes for compiled code. Default: Node's. */
  codeRangeSizeMb?: number;
  /** Megabytes of the thread's stack. Default 4. */
  stackSizeMb?: number;
}

const LARGEST_MB = 1024 * 1024;

/** With a smaller heap no worker starts; a smaller stack ends the whole process when one does (Node 20). */
const LIMITS: Record<keyof WorkerResourceLimits, [low: number, high: number]> = {
  maxOldGenerationSizeMb: [16, LARGEST_MB],
  maxYoungGenerationSizeMb: [1, LARGEST_MB],
  codeRangeSizeMb: [1, LARGEST_MB],
  stackSizeMb: [1, 256],
};

/** @throws OffloadOptionError for a limit that is unknown or out of range */
export function resolveResourceLimits(limits: WorkerResourceLimits): WorkerResourceLimits {
  if (typeof limits !== 'object' || limits === null) {
    throw new OffloadOptionError(
      'offload.resourceLimits must be an object, as in { maxOldGenerationSizeMb: 256 }.',
    );
  }
  for (const [name, value] of Object.entries(limits) as [keyof WorkerResourceLimits, unknown][]) {
    if (!Object.hasOwn(LIMITS, name)) {
      throw new OffloadOptionError(
        `offload.resourceLimits.${name} is not a resource limit; the limits are: ${Object.keys(LIMITS).join(', ')}.`,
      );
    }
    const [low, high] = LIMITS[name];
    if (value !== undefined && !(typeof value === 'number' && value >= low && value <= high)) {
      throw new OffloadOptionError(
        `offload.resourceLimits.${name} must be a number of megabytes from ${low} to ${high}, not ${JSON.stringify(value)}.`,
      );
    }
  }
  return { ...limits };
}
