import { availableParallelism } from 'node:os';

import { DEADLINE_RANGE } from '../abort';
import { OffloadOptionError } from '../errors';
import { READING_OPTIONS, resolveReadingOptions, type ReadingOptions } from './reading-options';
import { resolveResourceLimits, type WorkerResourceLimits } from './resource-limits';
import type { WritingOptions } from './writing-options';

/** Our own options, under the one key `offload` of the client's options. */
export interface OffloadOptions extends ReadingOptions, WritingOptions {
  /**
   * Worker threads of the process's one pool. The first client that starts the pool decides.
   * Default: `MONGO_OFFLOAD_WORKERS`, else one less than the cores, at least 1 and at most 4.
   */
  workers?: number;
  /**
   * Milliseconds for which documents that have arrived are handed out before the event loop turns: decoding them, and
   * what the program does with each. With `encodeInSlices`, also the longest time that a list is encoded without a turn
   * of the event loop. Default 2.
   */
  sliceMS?: number;
  /** Chunks that a cursor's worker may send ahead of what the main thread has consumed. Default 3. */
  readAhead?: number;
  /**
   * BSON bytes that a chunk aims at. `toArray()` has chunks three times as large, lazy documents have chunks of 262144 at
   * most. Default 1048576. The first client that starts the pool decides.
   */
  chunkBytes?: number;
  /**
   * A strict limit in milliseconds on each operation of the client, from the call to the settled
   * promise: waiting, connecting and retries included. An operation's own `deadlineMS` goes before
   * it. A cursor's runs from its first command to its end. Default: none.
   */
  deadlineMS?: number;
  /**
   * Operations of the client that may be under way at once. What is called beyond waits, in the order of the
   * calls. Not counted: what a transaction goes on with, commits and aborts, the reading of open cursors,
   * change streams. Default 10000.
   */
  maxInFlight?: number;
  /**
   * Operations of the client that may wait for those under way. What is called beyond rejects at once with an
   * OverloadedError. Default 500000.
   */
  maxQueued?: number;
  /**
   * Milliseconds that `close()` gives the operations under way, and those that wait for them, to finish. Open
   * cursors, change streams and transactions are not waited for. Default 1000; with 0 they are ended at once, as
   * with the driver.
   */
  closeGraceMS?: number;
  /**
   * Milliseconds that the worker threads stay after the last client of the process has closed, so that the next client
   * finds them started. They keep no process alive. The option of the client that closes last counts. Default 3000.
   * With 0, or after `close(true)`, they have ended when `close()` resolves.
   */
  keepThreadsMS?: number;
  /** Limits of each worker's memory. The first client that starts the pool decides. Default: Node's own. */
  resourceLimits?: WorkerResourceLimits;
  /**
   * Whether a worker with one or two calls under way polls for the answer, and for the call that follows within half a
   * millisecond, instead of sleeping, as long as calls take less than 2 ms: latency for the processor time of the wait.
   * Set it to false where other work keeps all processors busy. The first client that starts the pool decides. Default
   * true; never on a machine with one processor.
   */
  busyPoll?: boolean;
  /** Refuse, when the client is made, options with which it could only run on the main thread. Default false. */
  strict?: boolean;
  /**
   * Operations without a session that are called inside of a `session.withTransaction` take part in it,
   * as in `client.transaction()`. Default false.
   */
  ambientTransactions?: boolean;
  /**
   * What is done about an operation without a session where a transaction of its client is under way:
   * in the function given to `withTransaction`, or between `startTransaction` and its end. `'warn'`: a
   * process warning, once for each line of the program that does so; `'error'`: it rejects with a
   * ForgottenSessionError before anything is sent; `'off'`: nothing. `session: null` says that an
   * operation is to run outside. Default `'warn'`.
   */
  forgottenSession?: ForgottenSession;
}

/** What is done about an operation that should have had a session. */
export type ForgottenSession = 'warn' | 'error' | 'off';

/** Options that are absent where they are not given. */
type Optional = 'deadlineMS' | 'resourceLimits';

export type ResolvedOffloadOptions = Required<Omit<OffloadOptions, Optional>> &
  Pick<OffloadOptions, Optional>;

const LIMITS: Record<
  | 'workers'
  | 'sliceMS'
  | 'readAhead'
  | 'chunkBytes'
  | 'deadlineMS'
  | 'maxInFlight'
  | 'maxQueued'
  | 'closeGraceMS'
  | 'keepThreadsMS',
  readonly [low: number, high: number]
> = {
  workers: [1, 64],
  sliceMS: [0.1, 1000],
  readAhead: [1, 64],
  chunkBytes: [4096, 16 * 1024 * 1024],
  deadlineMS: DEADLINE_RANGE,
  maxInFlight: [1, 4_000_000],
  maxQueued: [0, 2 ** 31 - 1],
  closeGraceMS: [0, 2 ** 31 - 1],
  keepThreadsMS: [0, 2 ** 31 - 1],
};

const CHOICES = {
  busyPoll: [true, false],
  strict: [true, false],
  encodeInSlices: [true, false],
  ambientTransactions: [true, false],
  forgottenSession: ['warn', 'error', 'off'],
} as const;

/** @throws OffloadOptionError for an option that is unknown or out of range */
export function resolveOffloadOptions(options: OffloadOptions = {}): ResolvedOffloadOptions {
  if (typeof options !== 'object' || options === null) {
    throw new OffloadOptionError(
      'The option offload must be an object, as in { offload: { workers: 2 } }.',
    );
  }
  const names = [
    ...Object.keys(LIMITS),
    ...READING_OPTIONS,
    'resourceLimits',
    ...Object.keys(CHOICES),
  ];
  for (const key of Object.keys(options)) {
    if (!names.includes(key)) {
      throw new OffloadOptionError(
        `offload.${key} is not an option of offload; the options are: ${names.join(', ')}.`,
      );
    }
  }
  const number = (key: keyof typeof LIMITS, fallback: number, whole = true): number => {
    const value = options[key] ?? fallback;
    const [low, high] = LIMITS[key];
    if (
      typeof value !== 'number' ||
      !(value >= low && value <= high) ||
      (whole && !Number.isInteger(value))
    ) {
      throw new OffloadOptionError(
        `offload.${key} must be ${whole ? 'a whole number' : 'a number'} from ${low} to ${high}, not ${String(value)}.`,
      );
    }
    return value;
  };
  for (const [key, choices] of Object.entries(CHOICES)) {
    const value: unknown = options[key as keyof typeof CHOICES];
    if (value === undefined || (choices as readonly unknown[]).includes(value)) continue;
    throw new OffloadOptionError(
      `offload.${key} must be ${choices.map((choice) => JSON.stringify(choice)).join(' or ')}, not ${JSON.stringify(value)}.`,
    );
  }
  return {
    workers: number('workers', defaultWorkers()),
    sliceMS: number('sliceMS', 2, false),
    readAhead: number('readAhead', 3),
    chunkBytes: number('chunkBytes', 1024 * 1024),
    maxInFlight: number('maxInFlight', 10_000),
    maxQueued: number('maxQueued', 500_000),
    closeGraceMS: number('closeGraceMS', 1_000, false),
    keepThreadsMS: number('keepThreadsMS', 3_000, false),
    busyPoll: options.busyPoll ?? true,
    strict: options.strict ?? false,
    encodeInSlices: options.encodeInSlices ?? false,
    ...resolveReadingOptions(options),
    ambientTransactions: options.ambientTransactions ?? false,
    forgottenSession: options.forgottenSession ?? 'warn',
    ...(options.deadlineMS === undefined ? {} : { deadlineMS: number('deadlineMS', 1, false) }),
    ...(options.resourceLimits === undefined
      ? {}
      : { resourceLimits: resolveResourceLimits(options.resourceLimits) }),
  };
}

function defaultWorkers(): number {
  const asked = process.env.MONGO_OFFLOAD_WORKERS;
  if (asked !== undefined && asked !== '') return Number(asked);
  return Math.min(4, Math.max(1, availableParallelism() - 1));
}
