import { TurnEnd } from '../../event-loop';

/**
 * Calls whose worker is gone. All that were lost with it wait here for one another: each hears of it after as many promises
 * as there are on its way, and none may run again before those that were called before it.
 */
export class LostCalls {
  readonly #waiting: { place: number; goOn: () => void }[] = [];
  readonly #turnEnd = new TurnEnd(() => this.#goOn());

  /**
   * Resolves in the order of the calls, when all calls that were lost together have arrived.
   *
   * @param place - of the call, in the order of the calls
   */
  gathered(place: number): Promise<void> {
    return new Promise((goOn) => {
      this.#waiting.push({ place, goOn });
      this.#turnEnd.schedule();
    });
  }

  #goOn(): void {
    const lost = this.#waiting.splice(0).sort((a, b) => a.place - b.place);
    for (const { goOn } of lost) goOn();
  }
}
