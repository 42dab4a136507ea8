import { AsyncLocalStorage } from 'node:async_hooks';

/** The call that causes an event. */
export interface CallContext {
  readonly id: number;
  /** Whether its replies are decoded with `raw: true`, so that bytes in them are documents. */
  readonly raw: boolean;
}

const contexts = new AsyncLocalStorage<CallContext>();

/** Runs a call, so that the events that the driver emits for it name it. */
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

/** Returns a function that runs later work as part of the present call: a cursor outlives its call. */
export function keepCall(): <T>(work: () => T) => T {
  const context = contexts.getStore();
  return context === undefined ? (work) => work() : (work) => contexts.run(context, work);
}
