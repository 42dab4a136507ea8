import type { TargetRef } from '../call';

interface Turn {
  readonly target: TargetRef;
  readonly sent: Promise<void>;
  done(): void;
}

/**
 * Keeps the order of calls where the arguments of one are still being encoded, slice by slice: what is
 * called behind it on the same namespace waits until it was sent, and so do all that follow.
 */
export class Turns {
  readonly #turns = new Map<object, Turn>();

  /** How many calls have to be waited for, or wait themselves. */
  get size(): number {
    return this.#turns.size;
  }

  /** Takes a turn for a call. Resolves when all that were called before it, and concern its target, were sent. */
  async before(call: object, target: TargetRef): Promise<void> {
    const ahead = [...this.#turns.values()].filter((turn) => concerns(turn.target, target));
    let done!: () => void;
    const sent = new Promise<void>((resolve) => (done = resolve));
    this.#turns.set(call, { target, sent, done });
    await Promise.all(ahead.map((turn) => turn.sent));
  }

  /** The call was sent, or will not be. */
  done(call: object): void {
    this.#turns.get(call)?.done();
    this.#turns.delete(call);
  }
}

/** Whether one may see what the other does: the same collection, its database, or the client as a whole. */
function concerns({ namespace: a }: TargetRef, { namespace: b }: TargetRef): boolean {
  return a === b || a === '' || b === '' || a.startsWith(`${b}.`) || b.startsWith(`${a}.`);
}
