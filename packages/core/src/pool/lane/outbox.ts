import type { TransferListItem } from 'node:worker_threads';

import type { ToWorker } from '@mongo-offload/worker/protocol';

import type { EncodedCall } from '../../calls';
import { TurnEnd } from '../../event-loop';

type Post = (message: ToWorker, transfer: TransferListItem[]) => void;

/** Gathers what is called in one turn of the event loop; it leaves in one message, behind the turn's last microtask. */
export class Outbox {
  readonly #post: Post;
  #calls: number[] = [];
  #encoded: EncodedCall[] = [];
  #length = 0;
  readonly #turnEnd = new TurnEnd(() => this.flush());

  constructor(post: Post) {
    this.#post = post;
  }

  /**
   * Adds a call; a large one leaves at once, behind those before it.
   *
   * @param once - nobody needs the arguments again, so that large ones may be handed over as they are
   */
  add(
    id: number,
    operation: number,
    target: number,
    args: EncodedCall,
    flags: number,
    session: number,
    once: boolean,
  ): void {
    if (args.isLarge) {
      this.flush();
      const [first, ...more] = args.buffers(once);
      const calls = [id, operation, target, first.length, flags, session];
      this.#post({ type: 'calls', calls, bytes: first.buffer, more }, [
        first.buffer,
        ...more.map(({ buffer }) => buffer),
      ]);
      return;
    }
    this.#encoded.push(args);
    this.#length += args.length;
    this.#calls.push(id, operation, target, args.length, flags, session);
    this.#turnEnd.schedule();
  }

  flush(): void {
    this.#turnEnd.done();
    if (this.#calls.length === 0) return;
    const bytes = Buffer.allocUnsafeSlow(this.#length);
    let at = 0;
    for (const args of this.#encoded) {
      args.copyTo(bytes, at);
      at += args.length;
    }
    const calls = this.#calls;
    this.#calls = [];
    this.#encoded = [];
    this.#length = 0;
    this.#post({ type: 'calls', calls, bytes: bytes.buffer }, [bytes.buffer]);
  }
}
