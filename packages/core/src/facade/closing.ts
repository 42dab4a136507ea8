import { timers } from '../event-loop';

/** The steps of closing a client. */
export interface ClosingSteps {
  /** Waits for what is under way, until the signal is aborted. */
  idle(signal: AbortSignal): Promise<void>;
  /** Ends what is left. */
  end(force: boolean): Promise<void>;
}

/** The close of a client, of which there is one at a time. */
export class Closing {
  readonly #graceMS: number;
  readonly #steps: ClosingSteps;
  #current: Promise<void> | undefined;
  /** Work that starts again after the close in progress. */
  #next: Promise<void> | undefined;
  /** Ends the grace of the close under way. */
  #hurry = new AbortController();

  /** @param graceMS - how long it waits at most for what is under way */
  constructor(graceMS: number, steps: ClosingSteps) {
    this.#graceMS = graceMS;
    this.#steps = steps;
  }

  /** The end of the close under way. */
  get current(): Promise<void> | undefined {
    return this.#current;
  }

  /** Starts again when the close in progress has ended. A later close then closes that as well. */
  async behind(begin: () => void): Promise<void> {
    const anew = (): void => {
      this.#next = undefined;
      begin();
    };
    this.#next ??= this.#current?.then(anew, anew);
    await this.#next;
  }

  /** Closes the client; where it is being closed, waits for that, which `force` makes end at once. */
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
