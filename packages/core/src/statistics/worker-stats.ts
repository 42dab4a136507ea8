import type { HeapReply } from '@mongo-offload/worker/protocol';

import { noLongerThan } from '../abort';
import { DecodingFailure, Failure, type Lane, type WorkerPool, type WorkerSlot } from '../pool';

/** One worker of the pool, which serves all clients of the process. Counts continue when its thread is replaced. */
export interface WorkerStats {
  /** The worker's index, from 0. It is the `offloadWorker` of events. */
  worker: number;
  /** `none`: not needed so far. `lost`: its thread could not start; the pool tries again when it needs the worker. */
  state: 'none' | 'starting' | 'running' | 'lost';
  /** Node's `threadId`; null if no thread is running. */
  threadId: number | null;
  /** Operations sent to it and not yet answered. Further reads from an open cursor do not count. */
  inFlight: number;
  /** Those of them that the thread has not taken yet. */
  queued: number;
  /** Operations answered with a result. */
  done: number;
  /** Operations answered with an error, or lost when the thread died. */
  failed: number;
  /** Threads that were started to replace lost ones. */
  restarts: number;
  /** Cursors and change streams on this worker that have more to read. */
  openCursors: number;
  /** Sessions of the application that live on this worker. */
  sessions: number;
  /**
   * Node's `performance.eventLoopUtilization()` since the thread started. Subtract two results to get the time between
   * them. A worker that polls (`offload.busyPoll`) is not idle. Null if there is no thread.
   */
  eventLoop: { idle: number; active: number; utilization: number } | null;
  /** The thread's own memory; null if it is not running, or did not answer within half a second. */
  heap: HeapStats | null;
}

/** Memory of a worker thread, in bytes. */
export interface HeapStats {
  used: number;
  /** The size to which `used` can grow before the thread dies: from `offload.resourceLimits`, or V8's default. */
  limit: number;
  /** Memory outside of the heap, such as buffers. */
  external: number;
}

/** Returns the statistics of the pool's workers, or an empty list if no pool is running. */
export async function workerStats(pool: WorkerPool | undefined): Promise<WorkerStats[]> {
  return await Promise.all((pool?.slots ?? []).map(statsOf));
}

async function statsOf({
  index,
  current: lane,
  threads,
  counts,
  starts,
}: WorkerSlot): Promise<WorkerStats> {
  const [thread] = threads;
  const usable = lane?.usable === true;
  const state =
    lane === undefined ? 'none' : !usable ? 'lost' : lane.started ? 'running' : 'starting';
  const { idle, active, utilization } = thread?.performance.eventLoopUtilization() ?? NO_LOOP;
  return {
    worker: index,
    state,
    threadId: thread?.threadId ?? null,
    ...(lane?.underWay() ?? { inFlight: 0, queued: 0 }),
    done: counts.done,
    failed: counts.failed,
    restarts: Math.max(0, starts - 1),
    openCursors: usable ? lane.openCursors : 0,
    sessions: usable ? lane.sessions.size : 0,
    eventLoop: thread === undefined ? null : { idle, active, utilization },
    heap: lane !== undefined && state === 'running' ? await heapOf(lane) : null,
  };
}

/** Heap requests in flight. Each worker gets one at a time, so that they do not pile up at a blocked worker. */
const requests = new WeakMap<Lane, Promise<HeapStats | null>>();

async function heapOf(lane: Lane): Promise<HeapStats | null> {
  let answer = requests.get(lane);
  if (answer === undefined) {
    answer = requestHeap(lane).finally(() => requests.delete(lane));
    requests.set(lane, answer);
  }
  return (await noLongerThan(HEAP_WAIT_MS, answer)) ?? null;
}

async function requestHeap(lane: Lane): Promise<HeapStats | null> {
  const reply = await lane.askHeap();
  if (reply instanceof Failure || reply instanceof DecodingFailure) return null;
  const { used, limit, external } = reply as HeapReply;
  return { used, limit, external };
}

/** Longest time to wait for a worker's heap statistics, in milliseconds. */
const HEAP_WAIT_MS = 500;

const NO_LOOP = { idle: 0, active: 0, utilization: 0 };
