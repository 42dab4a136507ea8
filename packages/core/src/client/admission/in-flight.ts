import { untilAborted } from '../../abort';
import { DeadlineExceededError, OverloadedError } from '../../errors';
import type { ResolvedOffloadOptions } from '../../options';
import type { Exemption } from '../call';
import { WaitingLine, type Waiting } from './waiting-line';

/**
 * Bounds how many operations of a client are under way. Some more wait, in the order of their calls; what is
 * called beyond that is refused.
 */
export class InFlight {
  readonly #maxInFlight: number;
  readonly #maxQueued: number;
  readonly #line = new WaitingLine();
  #counted = 0;
  #uncounted = 0;
  /** Admitted from the line, and not yet sent: what is called now must not overtake them. */
  #starting = 0;
  readonly #whenIdle = new Set<() => void>();

  constructor({ maxInFlight, maxQueued }: ResolvedOffloadOptions) {
    this.#maxInFlight = maxInFlight;
    this.#maxQueued = maxQueued;
  }

  /** Operations that were sent and have not ended, those that do not count for the bound included. */
  get size(): number {
    return this.#counted + this.#uncounted;
  }

  /** Operations that wait until others have ended. */
  get queued(): number {
    return this.#line.size;
  }

  /** Whether an operation that is called now has to `wait`. */
  get isFull(): boolean {
    return this.#counted >= this.#maxInFlight || this.#starting > 0;
  }

  begin(exemption?: Exemption): void {
    if (exemption === undefined) this.#counted += 1;
    else if (exemption === 'uncounted') this.#uncounted += 1;
  }

  /** What has begun, or was admitted, has ended. */
  end(exemption?: Exemption): void {
    if (exemption === undefined) this.#counted -= 1;
    else if (exemption === 'uncounted') this.#uncounted -= 1;
    if (this.#line.size > 0) this.#admit();
    else if (this.#whenIdle.size > 0) this.#tellIdle();
  }

  /**
   * Waits in line. What was admitted counts as begun; it calls `started` as soon as it goes on.
   *
   * @throws OverloadedError where the line is full; the signal's reason; the error given to `refuse`
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
    // Many may wait: one without a signal costs no promise more.
    return signal === undefined ? admitted : this.#orGivenUp(what, signal, waiting, admitted);
  }

  /** One that was admitted goes on now. */
  started(): void {
    this.#starting -= 1;
    this.#admit();
  }

  /** All that wait fail. */
  refuse(error: () => Error): void {
    for (let next = this.#line.next(); next !== undefined; next = this.#line.next()) {
      next.refuse(error());
    }
    this.#tellIdle();
  }

  /** Resolves when nothing is under way, nor waits; with the signal, at the latest when that is aborted. */
  async idle(signal: AbortSignal): Promise<void> {
    if (this.#isIdle || signal.aborted) return;
    let tell!: () => void;
    const idle = new Promise<void>((resolve) => (tell = resolve));
    this.#whenIdle.add(tell);
    signal.addEventListener('abort', tell, { once: true });
    await idle;
    this.#whenIdle.delete(tell);
    signal.removeEventListener('abort', tell);
  }

  get #isIdle(): boolean {
    return this.size === 0 && this.#line.size === 0;
  }

  async #orGivenUp(
    what: string,
    signal: AbortSignal,
    waiting: Waiting,
    admitted: Promise<void>,
  ): Promise<void> {
    try {
      await untilAborted(admitted, signal, () => {
        // At once: in the turn before its caller hears of it, it could be admitted, and keep its place for ever.
        this.#line.leave(waiting);
        this.#tellIdle();
      });
    } catch (error) {
      // Its limit does not know that nothing was sent.
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

  #tellIdle(): void {
    if (this.#isIdle) for (const tell of this.#whenIdle) tell();
  }
}
