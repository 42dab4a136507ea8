import { timers } from './timers';

const { nextTick } = timers;

/** Work that is done once at the end of a turn: after the last promise callback and before anything else. */
export class TurnEnd {
  readonly #work: () => void;
  /** The `process.nextTick` that the work was scheduled with; undefined if it is not scheduled. */
  #scheduledBy: unknown;

  constructor(work: () => void) {
    this.#work = work;
  }

  /**
   * Schedules the work unless it is already scheduled. A flag is not enough: if a test replaced `process.nextTick` with
   * a stub, its callback may never run. So the work is scheduled again with each new `process.nextTick`.
   */
  schedule(): void {
    const { nextTick: found } = process as { nextTick: typeof nextTick };
    if (this.#scheduledBy === found) return;
    this.#scheduledBy = found;
    nextTick(run, this);
    if (found !== nextTick) found(run, this);
  }

  /** Notes that the work is done or no longer needed. */
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
