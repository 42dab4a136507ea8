import { AsyncLocalStorage } from 'node:async_hooks';

/** The call in whose course something happens. */
export interface CallContext {
  readonly id: number;
  /** Whether its replies are decoded with `raw: true`, so that bytes in them are documents. */
  readonly raw: boolean;
}

const contexts = new AsyncLocalStorage<CallContext>();

/** Runs a call such that what the driver emits on its behalf knows it. */
export function withinCall<T>(context: CallContext, work: () => T): T {
  return contexts.run(context, work);
}

/** Runs work that outlives the call, such as the driver's monitoring, so that its events belong to no call. */
export function outsideCalls<T>(work: () => T): T {
  return contexts.exit(work);
}

export function currentCall(): CallContext | undefined {
  return contexts.getStore();
}

/** For what outlives the call that made it, as a cursor does: runs work as part of that call. */
export function keepCall(): <T>(work: () => T) => T {
  const context = contexts.getStore();
  return context === undefined ? (work) => work() : (work) => contexts.run(context, work);
}
