import { MongoError, MongoTransactionError } from 'mongodb';

import { showCaller } from './caller-stack';

/**
 * The worker that held an operation has died: out of memory, by `process.exit` in a native module,
 * or by an error that nothing caught. Reads without a session are run again on another worker; what
 * rejects with this error are writes, cursors and what belongs to a session.
 */
export class WorkerLostError extends MongoError {
  override readonly code = 'MONGO_OFFLOAD_WORKER_LOST';
  /** Whether the operation is a write that the server may have applied before the worker died. */
  readonly mayHaveBeenApplied: boolean;
  /** Whether it is safe to call the operation again. */
  readonly retryable: boolean;

  constructor(what: string, { write, cause, notStarted = false, advice }: LostWorker) {
    const why = cause ? ` (${cause.message})` : '';
    const happened = notStarted
      ? `The worker thread for ${what} did not start${why}.`
      : `The worker thread that ran ${what} is gone${why}.`;
    super(`${happened} ${advice ?? adviceFor(write, notStarted, cause)}`, { cause });
    this.mayHaveBeenApplied = write;
    this.retryable = !write;
    showCaller(this, new.target);
  }

  override get name(): string {
    return 'WorkerLostError';
  }
}

/** The error with which Node's permission model refuses an access. */
interface AccessDenied extends Error {
  /** `WorkerThreads`, `FileSystemRead`, … */
  permission?: string;
  resource?: string;
}

/** What is known of an operation whose worker is gone. */
export interface LostWorker {
  /** It is a write that the worker had begun. */
  write: boolean;
  cause?: Error;
  /** The thread ended before it served a call. */
  notStarted?: boolean;
  /** What to do, if it differs from the advice for operations. */
  advice?: string;
}

function adviceFor(write: boolean, notStarted: boolean, cause: Error | undefined): string {
  if (write) return 'The server may have applied it: check before you call it again.';
  if (!notStarted) return 'Nothing was changed; it can be called again.';
  return `Nothing was changed. ${adviceForStart(cause)}`;
}

/** What to do when Node or the system cannot start a thread. */
function adviceForStart(cause: AccessDenied | undefined): string {
  const { code } = (cause ?? {}) as NodeJS.ErrnoException;
  if (code === 'ERR_ACCESS_DENIED') {
    const flags =
      cause?.permission === 'FileSystemRead'
        ? `--allow-fs-read=${cause.resource ?? '*'}`
        : '--allow-worker';
    return `Node's permission model forbids it: start Node with ${flags} as well.`;
  }
  if (code === 'ERR_WORKER_INIT_FAILED') {
    return 'The system allows no more threads: raise its limit (ulimit -u, or the limit of the container), or lower offload.workers.';
  }
  return 'If it happens again, fix the cause, or give the threads more memory with offload.resourceLimits.';
}

/** `waitUntilReady` ran out of time before a server answered. */
export class NotReadyError extends MongoError {
  override readonly code = 'MONGO_OFFLOAD_NOT_READY';
  /** How often it was tried. */
  readonly attempts: number;

  constructor(timeoutMS: number, attempts: number, cause: Error | undefined) {
    super(
      `No server answered within ${timeoutMS} ms (${attempts} ${attempts === 1 ? 'try' : 'tries'}` +
        `${cause ? `, the last one: ${cause.message}` : ''}). ` +
        'Check that the deployment of the connection string is running and can be reached, or wait longer with timeoutMS.',
      { cause },
    );
    this.attempts = attempts;
    showCaller(this, new.target);
  }

  override get name(): string {
    return 'NotReadyError';
  }
}

/** An operation did not settle within `deadlineMS`. What it held is freed. */
export class DeadlineExceededError extends MongoError {
  override readonly code = 'MONGO_OFFLOAD_DEADLINE';
  /** The limit, in milliseconds. */
  readonly deadlineMS: number;
  /** Whether the operation is a write that the server may have applied, or may still. */
  readonly mayHaveBeenApplied: boolean;

  constructor(what: string, { limitMS, write }: { limitMS: number; write: boolean }) {
    super(
      `${what} did not settle within its deadlineMS of ${limitMS} ms and was aborted. ` +
        (write
          ? 'The server may have applied it: check before you call it again.'
          : 'Nothing was changed; it can be called again.'),
    );
    this.deadlineMS = limitMS;
    this.mayHaveBeenApplied = write;
    showCaller(this, new.target);
  }

  override get name(): string {
    return 'DeadlineExceededError';
  }
}

/**
 * An operation was called when as many of its client were under way and waited as `offload.maxInFlight`
 * and `offload.maxQueued` allow. Nothing was sent.
 */
export class OverloadedError extends MongoError {
  override readonly code = 'MONGO_OFFLOAD_OVERLOADED';
  /** Operations of the client that were under way. */
  readonly inFlight: number;
  /** Operations of the client that waited for them. */
  readonly queued: number;

  constructor(what: string, { inFlight, queued, maxInFlight, maxQueued }: Load) {
    super(
      `${what} was not sent: ${inFlight} operations of this client are under way and ${queued} wait, of at most ` +
        `${maxInFlight} (offload.maxInFlight) and ${maxQueued} (offload.maxQueued). Call it again later, await ` +
        'operations before you call more, or raise the limits.',
    );
    this.inFlight = inFlight;
    this.queued = queued;
    showCaller(this, new.target);
  }

  override get name(): string {
    return 'OverloadedError';
  }
}

/** The operations of a client, and how many there may be. */
export interface Load {
  inFlight: number;
  queued: number;
  maxInFlight: number;
  maxQueued: number;
}

/**
 * An operation belongs to a transaction that has ended: it was called in the async context of one
 * (`client.transaction()`, `ambientTransactions`) whose function had returned, or with the session of
 * one that was being committed or aborted. Nothing was sent.
 */
export class TransactionEndedError extends MongoTransactionError {
  override readonly code = 'MONGO_OFFLOAD_TRANSACTION_ENDED';

  constructor(what: string) {
    super(
      `${what} was not sent: its transaction has ended. Await each operation before the transaction ends, or pass ` +
        '{ session: null } to run it outside the transaction.',
    );
    showCaller(this, new.target);
  }

  override get name(): string {
    return 'TransactionEndedError';
  }
}

/**
 * With `offload: { forgottenSession: 'error' }`: an operation without a session was called where a
 * transaction is under way. Nothing was sent.
 */
export class ForgottenSessionError extends MongoTransactionError {
  override readonly code = 'MONGO_OFFLOAD_FORGOTTEN_SESSION';

  constructor(what: string, line: string | undefined) {
    super(
      `${forgotten(what, line)}, so it was not sent. Pass { session }, or { session: null } to run it outside the ` +
        'transaction.',
    );
    showCaller(this, new.target);
  }

  override get name(): string {
    return 'ForgottenSessionError';
  }
}

/** How the warning and the error about a forgotten session begin. */
export function forgotten(what: string, line: string | undefined): string {
  const where = line === undefined ? '' : ` at ${line}`;
  return `${what}${where} was called without a session while a transaction was open`;
}

/** An option under `offload` that is unknown or has no sense. */
export class OffloadOptionError extends MongoError {
  override readonly code = 'MONGO_OFFLOAD_OPTION';

  override get name(): string {
    return 'OffloadOptionError';
  }
}

/** This package's code was put into a bundle, where it cannot start worker threads. */
export class BundledError extends MongoError {
  override readonly code = 'MONGO_OFFLOAD_BUNDLED';

  constructor(file: string | undefined) {
    super(
      `@mongo-offload/core was bundled${file === undefined ? '' : ` into ${file}`}. Its worker threads start from files ` +
        'of their own: leave the package and mongodb out of the bundle, and install them where it runs. With esbuild: ' +
        '--external:@mongo-offload/core --external:mongodb',
    );
    showCaller(this, new.target);
  }

  override get name(): string {
    return 'BundledError';
  }
}
