import { MongoClientClosedError, type ClientSession, type MongoClient } from 'mongodb';

import { eitherSignal, untilAborted } from '../abort';
import { CallSite, TransactionEndedError, warnOnceAt } from '../errors';
import type { ForgottenSession } from '../options';
import { timers } from '../event-loop';
import { TransactionQueue, type Hold, type TransactionQueueOptions } from './transaction-queue';

/** How a transaction was started. */
export interface TransactionStart {
  readonly client: MongoClient;
  readonly session: ClientSession;
  /** The options that the application gave. */
  readonly options: object | undefined;
  /** The call of `startTransaction`, or of `withTransaction`. */
  readonly startedAt: CallSite;
  readonly forgotten: ForgottenSession;
  /** Aborts all operations in it. */
  readonly signal: AbortSignal | undefined;
}

/** One transaction, from its start until its commit or abort. A retry is another one. */
export class OpenTransaction implements TransactionStart {
  readonly client: MongoClient;
  readonly session: ClientSession;
  readonly options: object | undefined;
  readonly startedAt: CallSite;
  readonly forgotten: ForgottenSession;
  readonly signal: AbortSignal | undefined;
  readonly #queue = new TransactionQueue();
  #firstUse: CallSite | undefined;
  #isStarting = true;
  #over = false;
  #failed = false;
  #warnedParallel = false;
  #doom: Error | undefined;

  constructor({ client, session, options, startedAt, forgotten, signal }: TransactionStart) {
    this.client = client;
    this.session = session;
    this.options = options;
    this.startedAt = startedAt;
    this.forgotten = forgotten;
    this.signal = signal;
    timers.queueMicrotask(() => {
      this.#isStarting = false;
    });
  }

  /** Whether the code that started it has not reached an `await` yet. */
  get isStarting(): boolean {
    return this.#isStarting;
  }

  /** Whether its function has returned, or its commit or abort was called. Nothing can join it afterwards. */
  get over(): boolean {
    return this.#over;
  }

  end(): void {
    this.#over = true;
    this.#firstUse = undefined;
  }

  /** Whether it would be left open if its session ended now, although nothing in it has failed. */
  get isLeftOpen(): boolean {
    if (this.#over || this.#failed || this.#doom !== undefined) return false;
    return this.session.inTransaction();
  }

  /** Notes that an operation is called with its session. */
  noteUse(): void {
    if (!this.#over) this.#firstUse ??= new CallSite();
  }

  /**
   * Returns whether a stack contains the function that started this transaction, so that its operation runs in that
   * function or in one that it calls or awaits. If a helper function called `startTransaction`, the stack of the first
   * operation shows which function called the helper. If nothing else could run after the start, the answer is always
   * yes.
   */
  isOwnedBy(stack: CallSite): boolean {
    if (this.startedAt.isResumed) return true;
    const starters = this.startedAt.functions;
    const users = this.#firstUse?.functions;
    const owner = starters.find((starter) => users?.includes(starter)) ?? starters[0];
    return owner === undefined || stack.functions.includes(owner);
  }

  /**
   * Sends an operation of this transaction after the replies to all earlier ones.
   *
   * @throws TransactionEndedError if the transaction is over; what the work throws; the signal's reason
   */
  async enqueue<T>(options: TransactionQueueOptions, work: (hold: Hold) => Promise<T>): Promise<T> {
    const { what, quiet } = options;
    this.signal?.throwIfAborted();
    if (this.#over) throw new TransactionEndedError(what);
    if (quiet !== true && !this.#warnedParallel) this.#warnIfParallel(what);
    const { signal, release } = eitherSignal(options.signal, this.signal);
    try {
      return await this.#queue.run({ ...options, signal }, async (hold) => {
        if (!this.session.inTransaction()) throw new TransactionEndedError(what);
        return await untilAborted(work(hold), this.signal);
      });
    } catch (error) {
      this.#failed = true;
      // Nobody may await the operation any more, so the transaction's own end reports the error.
      if (this.#over) this.doom(error as Error);
      throw error;
    } finally {
      release();
    }
  }

  /** Makes a commit impossible, because an operation has failed. */
  doom(error: Error): void {
    this.#doom ??= error;
  }

  /**
   * Ends the transaction when its function has returned, and waits for the operations that the function did not await.
   *
   * @throws the error of one that failed, so that the rest is not committed without it
   */
  async settle(): Promise<void> {
    const left = this.#queue.underWay;
    this.end();
    if (left !== undefined) {
      const { line } = this.startedAt;
      warnOnceAt(
        line,
        left,
        `The function of a transaction${at(line)} returned before ${left} had ended. The commit waits for it. Await ` +
          'each operation in the function: those called after its return are not part of the transaction.',
        'MONGO_OFFLOAD_NOT_AWAITED',
      );
    }
    await this.#queue.idle();
    if (this.#doom !== undefined) throw this.#doom;
  }

  /** Commits after the replies to all earlier operations. */
  async commit<T>(work: (hold: Hold) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const what = 'commitTransaction';
    if (!this.#over && !this.#warnedParallel) this.#warnIfParallel(what);
    this.end();
    return await this.#queue.run({ what, signal, kept: true }, work);
  }

  /** Settles when an operation ends whose caller no longer waits for it. Undefined if there is no such operation. */
  get abandoned(): Promise<unknown> | undefined {
    return this.#queue.abandoned;
  }

  /** Ends the transaction. Operations that still wait reject and are never sent. */
  drop(): void {
    this.end();
    this.#queue.empty(new TransactionEndedError('An operation that waited for an earlier one'));
  }

  /** Aborts after the reply to the operation in flight. */
  async abort<T>(work: (hold: Hold) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const what = 'abortTransaction';
    return await this.#queue.run({ what, signal, kept: true }, work);
  }

  /** Lets nothing wait for the operation in flight, because the client is being closed. */
  release(): void {
    this.#queue.release(new MongoClientClosedError());
  }

  #warnIfParallel(what: string): void {
    const ahead = this.#queue.underWay;
    if (ahead === undefined) return;
    this.#warnedParallel = true;
    const site = new CallSite();
    if (site.inGridFS) return;
    const { line } = site;
    warnOnceAt(
      line,
      what,
      `${what}${at(line)} was called while ${ahead} of the same transaction was under way, so it waits: a ` +
        'transaction runs one operation at a time. Await each operation before you call the next.',
      'MONGO_OFFLOAD_PARALLEL_OPERATIONS',
    );
  }
}

function at(line: string | undefined): string {
  return line === undefined ? '' : ` at ${line}`;
}

const transactions = new WeakMap<ClientSession, OpenTransaction>();

/** Remembers the transaction that a session has started. */
export function transactionStarted(start: TransactionStart): OpenTransaction {
  const transaction = new OpenTransaction(start);
  transactions.set(start.session, transaction);
  return transaction;
}

/** Returns the last transaction of a session, open or not. */
export function lastTransaction(session: ClientSession): OpenTransaction | undefined {
  return transactions.get(session);
}

/** Returns the transaction that an operation with this session now takes part in. */
export function transactionOf(
  session: ClientSession | null | undefined,
): OpenTransaction | undefined {
  if (session == null || !session.inTransaction()) return undefined;
  return transactions.get(session);
}

/** Warns if a session ends with an open transaction, which the driver then aborts. */
export function warnLeftOpen(session: ClientSession): void {
  const transaction = transactions.get(session);
  if (transaction?.isLeftOpen !== true) return;
  const { line } = transaction.startedAt;
  warnOnceAt(
    line,
    'transaction',
    'A transaction was open when its session ended, so it is aborted and none of its writes are stored. It was ' +
      `started${at(line)}. Call commitTransaction() or abortTransaction() before the session ends, or use ` +
      'client.transaction().',
    'MONGO_OFFLOAD_LEFT_OPEN',
  );
}
