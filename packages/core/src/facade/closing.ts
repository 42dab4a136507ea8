import { timers } from '../event-loop';

/** The steps of closing a client. */
export interface ClosingSteps {
  /** Waits for the operations under way, until the signal is aborted. */
  idle(signal: AbortSignal): Promise<void>;
  /** Ends everything that is left. */
  end(force: boolean): Promise<void>;
}

/** Closes a client, once at a time. */
export class Closing {
  readonly #graceMS: number;
  readonly #steps: ClosingSteps;
  #current: Promise<void> | undefined;
  /** Work that starts again after the close in progress. */
  #next: Promise<void> | undefined;
  /** Ends the grace period of the close in progress. */
  #hurry = new AbortController();

  /** @param graceMS - longest wait for the operations under way, in milliseconds */
  constructor(graceMS: number, steps: ClosingSteps) {
    this.#graceMS = graceMS;
    this.#steps = steps;
  }

  /** Settles when the close in progress ends. */
  get current(): Promise<void> | undefined {
    return this.#current;
  }

  /** Starts the client again after the close in progress. A close that is called later waits for this start. */
  async afterClose(begin: () => void): Promise<void> {
    const restart = (): void => {
      this.#next = undefined;
      begin();
    };
    this.#next ??= this.#current?.then(restart, restart);
    await this.#next;
  }

  /** Closes the client, or waits for the close in progress. `force` ends the grace period of either. */
  async close(force: boolean): Promise<void> {
    if (force) this.#hurry.abort();
    if (this.#next !== undefined) {
      await this.#next;
      return await this.close(force);
    }
    await (this.#current ??= this.#close(force).finally(() => {
      this.#current = undefined;
      this.#hurry = new AbortController();
    }));
  }

  async #close(force: boolean): Promise<void> {
    const { signal } = this.#hurry;
    if (this.#graceMS > 0 && !force) {
      const timer = timers.setTimeout(() => this.#hurry.abort(), this.#graceMS);
      await this.#steps.idle(signal);
      timers.clearTimeout(timer);
    }
    await this.#steps.end(signal.aborted);
  }
}
