/** Keeps the transaction queue waiting until a promise settles, even if the operation itself is aborted before. */
export type Hold = (until: Promise<unknown>) => void;

/**
 * Does work that keeps the turn until it ends, even if its caller stops waiting for it. Only the caller may wait for
 * the returned promise: V8 follows an async stack through a single waiter only.
 */
export async function holding<T>(hold: Hold, work: () => Promise<T>): Promise<T> {
  let end!: () => void;
  hold(new Promise<void>((resolve) => (end = resolve)));
  try {
    return await work();
  } finally {
    end();
  }
}

/** How work waits for its turn. */
export interface TransactionQueueOptions {
  /** What is to be said of it. */
  what: string;
  /** Gives the place in the queue up. */
  signal?: AbortSignal;
  /** The driver's or a cursor's own doing, of which a program cannot be told to wait for it. */
  quiet?: boolean;
  /** It stays in the queue when that is emptied. */
  kept?: boolean;
}

interface Waiting extends TransactionQueueOptions {
  start(): void;
  drop(error: Error): void;
}

/** What has the turn. */
interface Holder extends TransactionQueueOptions {
  /** Its caller has gone. */
  settled: boolean;
  /** Where it keeps the turn: until when. */
  until?: Promise<unknown>;
}

/** Lets work that is to be done one at a time run in the order in which it came. */
export class TransactionQueue {
  readonly #waiting: Waiting[] = [];
  readonly #idle: (() => void)[] = [];
  #holder: Holder | undefined;
  #unordered = false;

  /** What of the program's own doing is under way or waits. */
  get underWay(): string | undefined {
    const holder = this.#holder;
    if (holder !== undefined && !holder.settled && holder.quiet !== true) return holder.what;
    return this.#waiting.find(({ quiet }) => quiet !== true)?.what;
  }

  /** Whether anyone waits for work here. */
  get busy(): boolean {
    return this.#waiting.length > 0 || this.#holder?.settled === false;
  }

  /** The end of work that is still at it though its caller has given it up. */
  get givenUp(): Promise<unknown> | undefined {
    return this.#holder?.settled === true ? this.#holder.until : undefined;
  }

  /** Does the work when its turn has come. @throws what it throws; the signal's reason */
  async run<T>(options: TransactionQueueOptions, work: (hold: Hold) => Promise<T>): Promise<T> {
    if (this.#unordered) return await work(() => undefined);
    if (this.#holder !== undefined) await this.#turn(options);
    const holder: Holder = { ...options, settled: false };
    this.#holder = holder;
    try {
      options.signal?.throwIfAborted();
      return await work((until) => {
        holder.until = until;
      });
    } finally {
      holder.settled = true;
      const pass = (): void => this.#pass(holder);
      if (holder.until === undefined) pass();
      else void holder.until.then(pass, pass);
      this.#tellIdle();
    }
  }

  /** Resolves when no one waits for anything here. */
  async idle(): Promise<void> {
    if (this.busy) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** What waits, and is not to be kept, fails; what has the turn goes on. */
  empty(error: Error): void {
    const dropped = this.#waiting.filter(({ kept }) => kept !== true);
    for (const waiting of dropped) {
      this.#remove(waiting);
      waiting.drop(error);
    }
    this.#tellIdle();
  }

  /** Nothing waits for a turn from now on: what it would wait for may never end. */
  release(error: Error): void {
    this.empty(error);
    this.#unordered = true;
    for (const waiting of this.#waiting.splice(0)) waiting.start();
  }

  async #turn(options: TransactionQueueOptions): Promise<void> {
    const { signal } = options;
    let waiting: Waiting | undefined;
    let stop: (() => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        waiting = { ...options, start: resolve, drop: reject };
        stop = () => reject(signal?.reason as Error);
        signal?.addEventListener('abort', stop);
        this.#waiting.push(waiting);
      });
    } catch (error) {
      this.#remove(waiting);
      throw error;
    } finally {
      if (stop !== undefined) signal?.removeEventListener('abort', stop);
    }
  }

  #remove(waiting: Waiting | undefined): void {
    const at = this.#waiting.indexOf(waiting as Waiting);
    if (at >= 0) this.#waiting.splice(at, 1);
    this.#tellIdle();
  }

  /** Gives the turn to who has waited longest. It stays taken until that one has begun. */
  #pass(holder: object): void {
    if (this.#holder !== holder) return;
    const next = this.#waiting.shift();
    if (next === undefined) {
      this.#holder = undefined;
      return;
    }
    this.#holder = { ...next, settled: false };
    next.start();
  }

  #tellIdle(): void {
    if (this.busy) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
