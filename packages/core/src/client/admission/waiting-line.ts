/** An operation that waits in a line. */
export interface Waiting {
  admit(): void;
  refuse(error: Error): void;
  /** Whether it is in the line. Only the line sets this and the neighbours. */
  waits?: boolean;
  previous?: Waiting;
  next?: Waiting;
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
    waiting.previous = this.#last;
    if (this.#last === undefined) this.#first = waiting;
    else this.#last.next = waiting;
    this.#last = waiting;
    this.#size += 1;
  }

  /** Removes the operation that has waited longest from the line, and returns it. */
  next(): Waiting | undefined {
    const first = this.#first;
    if (first !== undefined) this.leave(first);
    return first;
  }

  /** Removes an operation from the line, if it is still in it. */
  leave(waiting: Waiting): void {
    if (waiting.waits !== true) return;
    const { previous, next } = waiting;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    waiting.waits = false;
    waiting.previous = waiting.next = undefined;
    this.#size -= 1;
  }
}
