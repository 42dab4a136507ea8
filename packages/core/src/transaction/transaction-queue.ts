/** Keeps the transaction queue waiting until a promise settles, even if the operation itself is aborted before. */
export type Hold = (until: Promise<unknown>) => void;

/**
 * Does work that keeps the queue waiting until it ends, even if its caller stops waiting for it. Only the caller may
 * await the returned promise: V8 follows an async stack through a single waiter only.
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

/** How work waits in the queue. */
export interface TransactionQueueOptions {
  /** Its name in warnings. */
  what: string;
  /** Removes it from the queue. */
  signal?: AbortSignal;
  /** The driver or a cursor started it, not the application, so no warning asks to await it. */
  quiet?: boolean;
  /** Whether it stays in the queue when the queue is emptied. */
  kept?: boolean;
}

interface Waiting extends TransactionQueueOptions {
  start(): void;
  drop(error: Error): void;
}

/** The work that is first in line. */
interface Holder extends TransactionQueueOptions {
  /** Whether its caller no longer waits for it. */
  settled: boolean;
  /** Settles when the next work may start, if that is later than its own end. */
  until?: Promise<unknown>;
}

/** Runs work one at a time, in the order of the calls. */
export class TransactionQueue {
  readonly #waiting: Waiting[] = [];
  readonly #idle: (() => void)[] = [];
  #holder: Holder | undefined;
  #unordered = false;

  /** The name of an operation of the application that is under way or waits. */
  get underWay(): string | undefined {
    const holder = this.#holder;
    if (holder !== undefined && !holder.settled && holder.quiet !== true) return holder.what;
    return this.#waiting.find(({ quiet }) => quiet !== true)?.what;
  }

  /** Whether a caller waits for work here. */
  get busy(): boolean {
    return this.#waiting.length > 0 || this.#holder?.settled === false;
  }

  /** Settles when work ends whose caller no longer waits for it. Undefined if there is no such work. */
  get abandoned(): Promise<unknown> | undefined {
    return this.#holder?.settled === true ? this.#holder.until : undefined;
  }

  /** Does the work when it is first in line. @throws what the work throws; the signal's reason */
  async run<T>(options: TransactionQueueOptions, work: (hold: Hold) => Promise<T>): Promise<T> {
    if (this.#unordered) return await work(() => undefined);
    if (this.#holder !== undefined) await this.#wait(options);
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
      this.#resolveIdle();
    }
  }

  /** Resolves when no caller waits for work here. */
  async idle(): Promise<void> {
    if (this.busy) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Rejects waiting work, unless it is `kept`. Work that has started continues. */
  empty(error: Error): void {
    const dropped = this.#waiting.filter(({ kept }) => kept !== true);
    for (const waiting of dropped) {
      this.#remove(waiting);
      waiting.drop(error);
    }
    this.#resolveIdle();
  }

  /** Empties the queue, and lets later work start at once: earlier work may never end. */
  release(error: Error): void {
    this.empty(error);
    this.#unordered = true;
    for (const waiting of this.#waiting.splice(0)) waiting.start();
  }

  async #wait(options: TransactionQueueOptions): Promise<void> {
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
    this.#resolveIdle();
  }

  /** Starts the work that has waited longest. It is the holder at once, before it runs. */
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

  #resolveIdle(): void {
    if (this.busy) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
