import type { TransferListItem } from 'node:worker_threads';

import type { ToWorker } from '@mongo-offload/worker/protocol';

import type { EncodedCall } from '../../calls';
import { TurnEnd } from '../../event-loop';

type Post = (message: ToWorker, transfer: TransferListItem[]) => void;

/** What of a call goes into the message. */
export interface OutgoingCall {
  /** The operation's number, from OPERATION_CODES. */
  readonly operation: number;
  readonly target: { readonly id: number };
  readonly args: EncodedCall;
  /** Of CallFlag. */
  readonly flags: number;
  /** The id of the session that the call belongs to; 0 for none. */
  readonly session: number;
  /** Whether the arguments are not needed again, so that large ones can be transferred instead of copied. */
  readonly once: boolean;
}

/** Collects the calls of one turn of the event loop and sends them in one message, after the turn's last microtask. */
export class Outbox {
  readonly #post: Post;
  #calls: number[] = [];
  #encoded: EncodedCall[] = [];
  #length = 0;
  readonly #turnEnd = new TurnEnd(() => this.flush());

  constructor(post: Post) {
    this.#post = post;
  }

  /** Adds a call. A large one leaves at once, after those before it. */
  add(id: number, { operation, target, args, flags, session, once }: OutgoingCall): void {
    if (args.isLarge) {
      this.flush();
      const [first, ...more] = args.buffers(once);
      const calls = [id, operation, target.id, first.length, flags, session];
      this.#post({ type: 'calls', calls, bytes: first.buffer, more }, [
        first.buffer,
        ...more.map(({ buffer }) => buffer),
      ]);
      return;
    }
    this.#encoded.push(args);
    this.#length += args.length;
    this.#calls.push(id, operation, target.id, args.length, flags, session);
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
