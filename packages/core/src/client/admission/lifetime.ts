import { setMaxListeners } from 'node:events';

import { MongoClientClosedError } from 'mongodb';

/**
 * The lifetime of a client: from its creation until it is closed. If the client connects again, a new lifetime begins.
 * An operation belongs to the lifetime in which it was called. It never continues in the next one, and it cannot join
 * the worker pool after its lifetime has ended.
 */
export class Lifetime {
  #end = unlimited();

  /** Aborts with a MongoClientClosedError when the client is closed. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  /** @throws MongoClientClosedError if the client is closed */
  check(): void {
    this.#end.signal.throwIfAborted();
  }

  /** Begins a new lifetime if the client was closed. Call it when the client connects. */
  begin(): void {
    if (this.#end.signal.aborted) this.#end = unlimited();
  }

  end(): void {
    this.#end.abort(new MongoClientClosedError());
  }
}

function unlimited(): AbortController {
  const controller = new AbortController();
  // Each call that waits has a listener. Node would warn of a leak from the eleventh on.
  setMaxListeners(0, controller.signal);
  return controller;
}
