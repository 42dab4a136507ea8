import { AsyncResource } from 'node:async_hooks';

/**
 * The async context (AsyncLocalStorage) in which the object was made, for work that runs later.
 *
 * Unlike `AsyncLocalStorage.snapshot()`, it leaves no async resource open: Jest's
 * --detectOpenHandles and other users of async_hooks would report each one until it is collected.
 */
export class CapturedContext extends AsyncResource {
  constructor() {
    super('MongoOffloadContext', { requireManualDestroy: true });
    // The hooks see the resource end; the object itself still holds the context.
    this.emitDestroy();
  }

  run<T>(work: () => T): T {
    return this.runInAsyncScope(work);
  }
}

/** The context in which this package was loaded, for work that belongs to no caller. */
export const loadingContext = new CapturedContext();
