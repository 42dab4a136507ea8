import { AsyncLocalStorage } from 'node:async_hooks';

import type { Decoding } from '../calls/options';

/** The async context of an operation. */
type Context = <T>(work: () => T) => T;

/** What an event needs of the operation that caused it. */
export interface Cause {
  /** Runs the listeners as the operation's caller would. */
  readonly run: Context;
  /** How the operation decodes replies. */
  readonly decoding: Decoding | undefined;
}

/** That of this module's loading, for what no operation caused: not of whoever came first. */
const NO_OPERATION: Cause = { run: AsyncLocalStorage.snapshot(), decoding: undefined };

/** The operations under way, by the number of their call. Only those that someone listens to are here. */
const causes = new Map<number, Cause>();

/** Remembers an operation from its caller's context, until it is forgotten. */
export function rememberCause(call: number, decoding: Decoding | undefined): void {
  causes.set(call, { run: AsyncLocalStorage.snapshot(), decoding });
}

export function forgetCause(call: number): void {
  causes.delete(call);
}

export function causeOf(call: number): Cause {
  return causes.get(call) ?? NO_OPERATION;
}
