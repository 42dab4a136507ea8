import { untilAborted } from '../../abort';
import { DeadlineExceededError, OverloadedError } from '../../errors';
import type { ResolvedOffloadOptions } from '../../options';
import type { Exemption } from '../call';
import { WaitingLine, type Waiting } from './waiting-line';

/**
 * Limits the number of a client's operations in flight. Up to `maxQueued` more wait, in the order of their calls.
 * Further ones are refused.
 */
export class InFlight {
  readonly #maxInFlight: number;
  readonly #maxQueued: number;
  readonly #line = new WaitingLine();
  #counted = 0;
  #uncounted = 0;
  /** Operations admitted from the line, but not sent yet. Calls made now must not overtake them. */
  #starting = 0;
  readonly #whenIdle = new Set<() => void>();

  constructor({ maxInFlight, maxQueued }: ResolvedOffloadOptions) {
    this.#maxInFlight = maxInFlight;
    this.#maxQueued = maxQueued;
  }

  /** Operations that have begun and not ended, including those that do not count towards the limit. */
  get size(): number {
    return this.#counted + this.#uncounted;
  }

  /** Operations that wait for others to end. */
  get queued(): number {
    return this.#line.size;
  }

  /** Whether an operation that is called now must `wait`. */
  get isFull(): boolean {
    return this.#counted >= this.#maxInFlight || this.#starting > 0;
  }

  begin(exemption?: Exemption): void {
    if (exemption === undefined) this.#counted += 1;
    else if (exemption === 'uncounted') this.#uncounted += 1;
  }

  /** Notes the end of an operation that had begun or was admitted. */
  end(exemption?: Exemption): void {
    if (exemption === undefined) this.#counted -= 1;
    else if (exemption === 'uncounted') this.#uncounted -= 1;
    if (this.#line.size > 0) this.#admit();
    else if (this.#whenIdle.size > 0) this.#notifyIdle();
  }

  /**
   * Waits in line. An admitted operation counts as begun. It must call `started` as soon as it continues.
   *
   * @throws OverloadedError if the line is full; the signal's reason; the error given to `refuse`
   */
  wait(what: string, signal: AbortSignal | undefined): Promise<void> {
    if (this.#line.size >= this.#maxQueued) {
      const [inFlight, queued] = [this.#counted, this.#line.size];
      const limits = { maxInFlight: this.#maxInFlight, maxQueued: this.#maxQueued };
      return Promise.reject(new OverloadedError(what, { inFlight, queued, ...limits }));
    }
    let waiting!: Waiting;
    const admitted = new Promise<void>((admit, refuse) => {
      waiting = { admit, refuse };
    });
    this.#line.add(waiting);
    // Many operations may wait. Those without a signal do not need a second promise.
    return signal === undefined ? admitted : this.#orAborted(what, signal, waiting, admitted);
  }

  /** Notes that an admitted operation continues. */
  started(): void {
    this.#starting -= 1;
    this.#admit();
  }

  /** Rejects all operations that wait. */
  refuse(error: () => Error): void {
    for (let next = this.#line.next(); next !== undefined; next = this.#line.next()) {
      next.refuse(error());
    }
    this.#notifyIdle();
  }

  /** Resolves when no operation is in flight or waits, or when the signal aborts. */
  async idle(signal: AbortSignal): Promise<void> {
    if (this.#isIdle || signal.aborted) return;
    let notify!: () => void;
    const idle = new Promise<void>((resolve) => (notify = resolve));
    this.#whenIdle.add(notify);
    signal.addEventListener('abort', notify, { once: true });
    await idle;
    this.#whenIdle.delete(notify);
    signal.removeEventListener('abort', notify);
  }

  get #isIdle(): boolean {
    return this.size === 0 && this.#line.size === 0;
  }

  async #orAborted(
    what: string,
    signal: AbortSignal,
    waiting: Waiting,
    admitted: Promise<void>,
  ): Promise<void> {
    try {
      await untilAborted(admitted, signal, () => {
        // It leaves at once: if it were admitted before its caller learns of the abort, it would count forever.
        this.#line.leave(waiting);
        this.#notifyIdle();
      });
    } catch (error) {
      // For a write, this error says that it may have been applied. Nothing was sent, so replace the error.
      if (!(error instanceof DeadlineExceededError)) throw error;
      throw new DeadlineExceededError(what, { limitMS: error.deadlineMS, write: false });
    }
  }

  #admit(): void {
    while (this.#counted < this.#maxInFlight) {
      const next = this.#line.next();
      if (next === undefined) return;
      this.#counted += 1;
      this.#starting += 1;
      next.admit();
    }
  }

  #notifyIdle(): void {
    if (this.#isIdle) for (const notify of this.#whenIdle) notify();
  }
}
