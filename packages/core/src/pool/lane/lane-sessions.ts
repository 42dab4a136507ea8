import type { SessionDefinition, ToWorker } from '@mongo-offload/worker/protocol';

/** Hears what becomes of a session in its worker. */
export interface SessionFollower {
  /** @param snapshot - BSON of a SessionSnapshot */
  apply(snapshot: Uint8Array): void;
}

/** The sessions that one worker knows, and who follows them on the main thread. */
export class LaneSessions {
  readonly #followers = new Map<number, SessionFollower>();
  /** Sends a message after the calls that wait to be sent. */
  readonly #post: (message: ToWorker) => void;

  constructor(post: (message: ToWorker) => void) {
    this.#post = post;
  }

  get size(): number {
    return this.#followers.size;
  }

  /** Makes a session known; `follower` hears what becomes of it. */
  define(id: number, follower: SessionFollower, definition: SessionDefinition): void {
    this.#followers.set(id, follower);
    this.#post({ type: 'session', id, definition });
  }

  update(id: number, update: Uint8Array): void {
    this.#post({ type: 'sessionUpdate', id, update });
  }

  end(id: number): void {
    this.#followers.delete(id);
    this.#post({ type: 'sessionEnd', id });
  }

  /** What a batch or a reply says of a session, given to whoever follows it. */
  follow({ id, snapshot }: { id: number; snapshot: Uint8Array }): void {
    this.#followers.get(id)?.apply(snapshot);
  }
}
