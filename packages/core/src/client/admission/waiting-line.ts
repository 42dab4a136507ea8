/** Who waits in a line. */
export interface Waiting {
  admit(): void;
  refuse(error: Error): void;
  /** Whether it is in the line; that and its neighbours are the line's to say. */
  waits?: boolean;
  before?: Waiting;
  behind?: Waiting;
}

/**
 * A waiting line that an operation can leave from any place. It is a linked list, so each step costs the same at any
 * length.
 */
export class WaitingLine {
  #first: Waiting | undefined;
  #last: Waiting | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(waiting: Waiting): void {
    waiting.waits = true;
    waiting.before = this.#last;
    if (this.#last === undefined) this.#first = waiting;
    else this.#last.behind = waiting;
    this.#last = waiting;
    this.#size += 1;
  }

  /** Takes the one that has waited longest out of the line. */
  next(): Waiting | undefined {
    const first = this.#first;
    if (first !== undefined) this.leave(first);
    return first;
  }

  /** Takes one out of the line, where it still is in it. */
  leave(waiting: Waiting): void {
    if (waiting.waits !== true) return;
    const { before, behind } = waiting;
    if (before === undefined) this.#first = behind;
    else before.behind = behind;
    if (behind === undefined) this.#last = before;
    else behind.before = before;
    waiting.waits = false;
    waiting.before = waiting.behind = undefined;
    this.#size -= 1;
  }
}
