import type { Decoding } from '../calls';
import { CapturedContext, loadingContext } from '../event-loop';

/** What an event needs of the operation that caused it. */
export interface OperationScope {
  /** The async context of the operation's caller: listeners run in it. */
  readonly context: CapturedContext;
  /** How the operation decodes replies. */
  readonly decoding: Decoding | undefined;
  /** When it is aborted, the operation fails with its reason. */
  readonly signal?: AbortSignal;
}

/** The cause of events that no operation caused. Its context is not that of the first caller. */
export const NO_OPERATION: OperationScope = { context: loadingContext, decoding: undefined };

/** The operations under way, by the number of their call. Only those that someone listens to are here. */
const scopes = new Map<number, OperationScope>();

/** Remembers an operation from its caller's context, until it is forgotten. */
export function rememberOperation(
  call: number,
  decoding: Decoding | undefined,
  signal: AbortSignal | undefined,
): void {
  scopes.set(call, { context: new CapturedContext(), decoding, signal });
}

/** Whether events of this call may still come. */
export function isHeard(call: number): boolean {
  return scopes.has(call);
}

export function forgetOperation(call: number): void {
  scopes.delete(call);
}

export function operationScopeOf(call: number): OperationScope {
  return scopes.get(call) ?? NO_OPERATION;
}
