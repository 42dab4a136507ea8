import { setMaxListeners } from 'node:events';

import { MongoClientClosedError } from 'mongodb';

/**
 * The time for which a client is open: from its making until it is closed, and again from each `connect()` on. What
 * was called in one belongs to it: it never goes on in the next, and joins the worker pool in none that is over.
 */
export class Lifetime {
  #end = endless();

  /** Aborted as the client is closed, with a MongoClientClosedError. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  /** @throws MongoClientClosedError where the client is closed */
  check(): void {
    this.#end.signal.throwIfAborted();
  }

  /** The client connects, again if it was closed. */
  begin(): void {
    if (this.#end.signal.aborted) this.#end = endless();
  }

  end(): void {
    this.#end.abort(new MongoClientClosedError());
  }
}

function endless(): AbortController {
  const controller = new AbortController();
  // As many as there are calls that wait.
  setMaxListeners(0, controller.signal);
  return controller;
}
