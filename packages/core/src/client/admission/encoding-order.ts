import type { TargetRef } from '../call';

interface Encoding {
  readonly target: TargetRef;
  readonly sent: Promise<void>;
  done(): void;
}

/**
 * Keeps the order of calls on a namespace while the arguments of one of them are still being encoded in slices. Later
 * calls on the namespace wait until all earlier ones have been sent.
 */
export class EncodingOrder {
  readonly #waiting = new Map<object, Encoding>();

  /** Number of calls that are still being encoded, or wait for an earlier one. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Adds a call. Resolves when all earlier calls that concern its target have been sent. */
  async before(call: object, target: TargetRef): Promise<void> {
    const ahead = [...this.#waiting.values()].filter((encoding) =>
      concerns(encoding.target, target),
    );
    let done!: () => void;
    const sent = new Promise<void>((resolve) => (done = resolve));
    this.#waiting.set(call, { target, sent, done });
    await Promise.all(ahead.map((encoding) => encoding.sent));
  }

  /** Removes a call that was sent, or that never will be. */
  done(call: object): void {
    this.#waiting.get(call)?.done();
    this.#waiting.delete(call);
  }
}

/** Returns whether one call may see the effect of the other: same collection, its database, or the whole client. */
function concerns({ namespace: a }: TargetRef, { namespace: b }: TargetRef): boolean {
  return a === b || a === '' || b === '' || a.startsWith(`${b}.`) || b.startsWith(`${a}.`);
}
