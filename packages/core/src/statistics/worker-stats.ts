import type { HeapReply } from '@mongo-offload/worker/protocol';

import { noLongerThan } from '../abort';
import { DecodingFailure, Failure, type Lane, type WorkerPool, type WorkerSlot } from '../pool';

/** One worker thread of the pool, for all clients of the process. The counts go on where a thread is replaced. */
export interface WorkerStats {
  /** Which one, from 0: the `offloadWorker` of events. */
  worker: number;
  /** `none`: not needed so far. `lost`: it could not start, and is tried again when it is needed. */
  state: 'none' | 'starting' | 'running' | 'lost';
  /** Node's number of the thread; null if no thread runs. */
  threadId: number | null;
  /** Operations that were sent to it and are not answered. Reading on from an open cursor does not count. */
  inFlight: number;
  /** Of those, the ones that the thread has not taken yet. */
  queued: number;
  /** Operations that it has answered with a result. */
  done: number;
  /** Operations that it has answered with an error, or that it was lost with. */
  failed: number;
  /** Threads that were started in the place of others that were lost. */
  restarts: number;
  /** Cursors, change streams included, of which it holds more to be read. */
  openCursors: number;
  /** Sessions of the program that live on it. */
  sessions: number;
  /**
   * As Node's `performance.eventLoopUtilization()`, since the thread was started: two of these give what
   * was between them. A worker that polls (`offload.busyPoll`) is not idle. Null where there is no thread.
   */
  eventLoop: { idle: number; active: number; utilization: number } | null;
  /** The thread's own memory; null where it does not run, or did not answer within half a second. */
  heap: HeapStats | null;
}

/** Bytes. */
export interface HeapStats {
  used: number;
  /** What `used` can grow to before the thread is ended: `offload.resourceLimits`, or V8's own. */
  limit: number;
  /** Buffers and the like, which lie outside of the heap. */
  external: number;
}

/** What there is to say of the pool's workers; nothing where no pool runs. */
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

/** The question to a worker that is under way: one that is stuck does not gather them. */
const asked = new WeakMap<Lane, Promise<HeapStats | null>>();

async function heapOf(lane: Lane): Promise<HeapStats | null> {
  let answer = asked.get(lane);
  if (answer === undefined) {
    answer = ask(lane).finally(() => asked.delete(lane));
    asked.set(lane, answer);
  }
  return (await noLongerThan(LIMIT_MS, answer)) ?? null;
}

async function ask(lane: Lane): Promise<HeapStats | null> {
  const reply = await lane.askHeap();
  if (reply instanceof Failure || reply instanceof DecodingFailure) return null;
  const { used, limit, external } = reply as HeapReply;
  return { used, limit, external };
}

/** Nobody waits longer for the answer of a worker. */
const LIMIT_MS = 500;

const NO_LOOP = { idle: 0, active: 0, utilization: 0 };
