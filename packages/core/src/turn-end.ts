import { timers } from './timers';

const { nextTick } = timers;

/** Work that is to be done once at the end of a turn: when no promise has anything to do any more, and before anything else. */
export class TurnEnd {
  readonly #work: () => void;
  /** What `process.nextTick` was when it was scheduled; undefined while it is not. */
  #scheduledBy: unknown;

  constructor(work: () => void) {
    this.#work = work;
  }

  /**
   * Schedules the work, where it is not. A flag alone would not say whether it is: a tick that went to a stub never
   * comes. So each other function that is found as `process.nextTick` is given the work as well.
   */
  schedule(): void {
    const { nextTick: found } = process as { nextTick: typeof nextTick };
    if (this.#scheduledBy === found) return;
    this.#scheduledBy = found;
    nextTick(run, this);
    if (found !== nextTick) found(run, this);
  }

  /** The work is done, or there is none any more. */
  done(): void {
    this.#scheduledBy = undefined;
  }

  run(): void {
    if (this.#scheduledBy === undefined) return;
    this.#scheduledBy = undefined;
    this.#work();
  }
}

function run(end: TurnEnd): void {
  end.run();
}
