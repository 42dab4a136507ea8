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
  /** What its program gave as its options. */
  readonly options: object | undefined;
  /** The call of `startTransaction`, or of `withTransaction`. */
  readonly startedAt: CallSite;
  readonly forgotten: ForgottenSession;
  /** Gives up all that is done in it. */
  readonly signal: AbortSignal | undefined;
}

/** One transaction, from its start until it is committed or aborted: a retry is another. */
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
  #saidParallel = false;
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

  /** Whether the execution that started it may still go on: it has not reached an `await` yet. */
  get isStarting(): boolean {
    return this.#isStarting;
  }

  /** Its function has returned, or its commit or abort was called: nothing can join it any more. */
  get over(): boolean {
    return this.#over;
  }

  end(): void {
    this.#over = true;
    this.#firstUse = undefined;
  }

  /** Whether a session that ends now leaves it open, and no error told the program to give it up. */
  get isLeft(): boolean {
    if (this.#over || this.#failed || this.#doom !== undefined) return false;
    return this.session.inTransaction();
  }

  /** An operation is called with its session. */
  noteUse(): void {
    if (!this.#over) this.#firstUse ??= new CallSite();
  }

  /**
   * Whether a stack is that of the function that started this, of one that it calls, or of one that it
   * awaits. Where a helper of it called `startTransaction`, the first operation tells whose helper it was.
   * If nothing else could run after the start, there is no doubt.
   */
  isOwnedBy(stack: CallSite): boolean {
    if (this.startedAt.isResumed) return true;
    const starters = this.startedAt.functions;
    const users = this.#firstUse?.functions;
    const owner = starters.find((starter) => users?.includes(starter)) ?? starters[0];
    return owner === undefined || stack.functions.includes(owner);
  }

  /**
   * Sends an operation of this transaction when those that were called before it have been answered.
   *
   * @throws TransactionEndedError where it is over; what the work throws; the signal's reason
   */
  async inTurn<T>(options: TransactionQueueOptions, work: (hold: Hold) => Promise<T>): Promise<T> {
    const { what, quiet } = options;
    this.signal?.throwIfAborted();
    if (this.#over) throw new TransactionEndedError(what);
    if (quiet !== true && !this.#saidParallel) this.#noticeParallel(what);
    const { signal, release } = eitherSignal(options.signal, this.signal);
    try {
      return await this.#queue.run({ ...options, signal }, async (hold) => {
        if (!this.session.inTransaction()) throw new TransactionEndedError(what);
        return await untilAborted(work(hold), this.signal);
      });
    } catch (error) {
      this.#failed = true;
      // Whoever called it may have gone: who waits for its end hears of it.
      if (this.#over) this.doom(error as Error);
      throw error;
    } finally {
      release();
    }
  }

  /** It must not be committed: part of it has failed. */
  doom(error: Error): void {
    this.#doom ??= error;
  }

  /**
   * Its function has returned. What that left under way is waited for here.
   *
   * @throws the error of what failed, so that nothing is committed without it
   */
  async settle(): Promise<void> {
    const left = this.#queue.underWay;
    this.end();
    if (left !== undefined) {
      const { line } = this.startedAt;
      warnOnceAt(
        line,
        left,
        `The function of a transaction${at(line)} returned before ${left} had ended, which is waited for now. ` +
          'Await each operation in it: what it does later can be no part of the transaction.',
        'MONGO_OFFLOAD_NOT_AWAITED',
      );
    }
    await this.#queue.idle();
    if (this.#doom !== undefined) throw this.#doom;
  }

  /** Commits, when what was called before has been answered. */
  async commit<T>(work: (hold: Hold) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const what = 'commitTransaction';
    if (!this.#over && !this.#saidParallel) this.#noticeParallel(what);
    this.end();
    return await this.#queue.run({ what, signal, kept: true }, work);
  }

  /** The end of an operation that is still under way though its caller has given it up. */
  get givenUp(): Promise<unknown> | undefined {
    return this.#queue.givenUp;
  }

  /** What waits for its turn is not sent any more. */
  drop(): void {
    this.end();
    this.#queue.empty(new TransactionEndedError('An operation that waited for its turn'));
  }

  /** Aborts, when what is under way has been answered. */
  async abort<T>(work: (hold: Hold) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const what = 'abortTransaction';
    return await this.#queue.run({ what, signal, kept: true }, work);
  }

  /** Its client is being closed: nothing waits for what is under way. */
  release(): void {
    this.#queue.release(new MongoClientClosedError());
  }

  #noticeParallel(what: string): void {
    const ahead = this.#queue.underWay;
    if (ahead === undefined) return;
    this.#saidParallel = true;
    const site = new CallSite();
    if (site.inGridFS) return;
    const { line } = site;
    warnOnceAt(
      line,
      what,
      `${what}${at(line)} was called while ${ahead} of the same transaction was under way, and waits for its turn: ` +
        'a transaction takes one operation at a time. Await one before you call the next.',
      'MONGO_OFFLOAD_PARALLEL_OPERATIONS',
    );
  }
}

function at(line: string | undefined): string {
  return line === undefined ? '' : ` at ${line}`;
}

const transactions = new WeakMap<ClientSession, OpenTransaction>();

/** A session has started a transaction. */
export function transactionStarted(start: TransactionStart): OpenTransaction {
  const transaction = new OpenTransaction(start);
  transactions.set(start.session, transaction);
  return transaction;
}

/** The last transaction of a session, open or not. */
export function lastTransaction(session: ClientSession): OpenTransaction | undefined {
  return transactions.get(session);
}

/** The transaction in which what a session does now takes place. */
export function transactionOf(
  session: ClientSession | null | undefined,
): OpenTransaction | undefined {
  if (session == null || !session.inTransaction()) return undefined;
  return transactions.get(session);
}

/** A session ends; the driver aborts a transaction that is open then. */
export function sayLeftOpen(session: ClientSession): void {
  const transaction = transactions.get(session);
  if (transaction?.isLeft !== true) return;
  const { line } = transaction.startedAt;
  warnOnceAt(
    line,
    'transaction',
    `A transaction was open when its session ended, and is aborted: nothing of it is stored. It was started${at(line)}. ` +
      'Call commitTransaction() or abortTransaction() before the session ends, or use client.transaction().',
    'MONGO_OFFLOAD_LEFT_OPEN',
  );
}
