import type { TargetRef } from '../call';

interface Encoding {
  readonly target: TargetRef;
  readonly sent: Promise<void>;
  done(): void;
}

/**
 * Keeps the order of calls where the arguments of one are still being encoded, slice by slice: what is
 * called later on the same namespace waits until it has been sent, and so do all that follow.
 */
export class EncodingOrder {
  readonly #waiting = new Map<object, Encoding>();

  /** How many calls have to be waited for, or wait themselves. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Takes a turn for a call. Resolves when all that were called before it, and concern its target, were sent. */
  async before(call: object, target: TargetRef): Promise<void> {
    const ahead = [...this.#waiting.values()].filter((encoding) =>
      concerns(encoding.target, target),
    );
    let done!: () => void;
    const sent = new Promise<void>((resolve) => (done = resolve));
    this.#waiting.set(call, { target, sent, done });
    await Promise.all(ahead.map((encoding) => encoding.sent));
  }

  /** The call was sent, or will not be. */
  done(call: object): void {
    this.#waiting.get(call)?.done();
    this.#waiting.delete(call);
  }
}

/** Whether one may see what the other does: the same collection, its database, or the client as a whole. */
function concerns({ namespace: a }: TargetRef, { namespace: b }: TargetRef): boolean {
  return a === b || a === '' || b === '' || a.startsWith(`${b}.`) || b.startsWith(`${a}.`);
}
