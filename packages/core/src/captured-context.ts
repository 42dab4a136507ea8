import { AsyncResource } from 'node:async_hooks';

/**
 * The async context (AsyncLocalStorage) in which it was made, for work that is done later.
 *
 * It does what `AsyncLocalStorage.snapshot()` does, but leaves no async resource open: Jest's
 * --detectOpenHandles and other users of async_hooks would report each one until it is collected.
 */
export class CapturedContext extends AsyncResource {
  constructor() {
    super('MongoOffloadContext', { requireManualDestroy: true });
    // The object holds the context for as long as it lives, whatever the hooks were told.
    this.emitDestroy();
  }

  run<T>(work: () => T): T {
    return this.runInAsyncScope(work);
  }
}

/** The context in which this package was loaded: for what belongs to no caller. */
export const loadingContext = new CapturedContext();
