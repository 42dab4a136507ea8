import type { EventMark } from '@mongo-offload/worker/protocol';

/**
 * Keeps events before the answers that they belong to, where an answer comes on a port of its own:
 * ports keep no order between each other.
 */
export class EventBarrier {
  #delivered = 0;
  #waiting: { mark: number; go: () => void }[] = [];

  delivered(): void {
    this.#delivered += 1;
    if (this.#waiting.length > 0) this.#release(this.#delivered);
  }

  /** Resolves when what the mark stands for has been delivered; undefined where it has been. */
  reached(mark: EventMark): Promise<void> | undefined {
    if (mark === undefined || mark <= this.#delivered) return undefined;
    return new Promise((go) => {
      this.#waiting.push({ mark, go });
    });
  }

  /** The worker is gone: nothing more will come. */
  lost(): void {
    this.#release(Infinity);
  }

  #release(mark: number): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter((one) => one.mark > mark);
    for (const one of waiting) if (one.mark <= mark) one.go();
  }
}
