import { TurnEnd } from '../../event-loop';

/**
 * Puts calls whose worker is gone back into their order. Each call learns of the loss after a different number of
 * promises, but none may run again before an earlier one. So all calls that were lost together wait for each other.
 */
export class LostCalls {
  readonly #waiting: { place: number; resume: () => void }[] = [];
  readonly #turnEnd = new TurnEnd(() => this.#resumeAll());

  /**
   * Resolves when all calls that were lost together have arrived here, in the order of the calls.
   *
   * @param place - the call's position in the order of all calls of the client
   */
  gathered(place: number): Promise<void> {
    return new Promise((resume) => {
      this.#waiting.push({ place, resume });
      this.#turnEnd.schedule();
    });
  }

  #resumeAll(): void {
    const lost = this.#waiting.splice(0).sort((a, b) => a.place - b.place);
    for (const { resume } of lost) resume();
  }
}
