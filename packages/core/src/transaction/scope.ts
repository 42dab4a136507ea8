import { AsyncLocalStorage, executionAsyncResource } from 'node:async_hooks';

import type { ClientSession, MongoClient } from 'mongodb';

import type { OpenTransaction } from './open-transaction';
import { timers } from '../event-loop';

/**
 * A transaction that an async context belongs to. Code cannot leave its async context, which outlives the transaction,
 * so the transaction itself records when it is over.
 */
export interface Scope {
  readonly transaction: OpenTransaction;
  /**
   * What the scope means for an operation without a session:
   * - `joins`: the operation takes part in the transaction.
   * - `guards`: the operation is reported as one whose session was forgotten.
   * - `suspects`: as `guards`, if the stack confirms it. `startTransaction` marks the rest of the async execution that
   *   called it, which may also run unrelated code, such as a second function called before the first is awaited.
   * - `holds`: the operation is part of another one, which the driver runs on the main thread.
   */
  readonly role: 'joins' | 'guards' | 'suspects' | 'holds';
  readonly outer: Scope | undefined;
}

const storage = new AsyncLocalStorage<Scope>();

/** Whether this process has ever had a scope. Applications without transactions pay for this check only. */
export const scopes = { used: false };

/** Returns the innermost scope of this async context. */
export function scopeHere(): Scope | undefined {
  return storage.getStore();
}

/** Runs a function in a scope, which everything that it starts inherits. */
export function within<T>(transaction: OpenTransaction, role: Scope['role'], run: () => T): T {
  scopes.used = true;
  return storage.run({ transaction, role, outer: outside(transaction) }, run);
}

/** Puts the rest of the current async execution, and everything that it starts, into a scope. */
export function enter(transaction: OpenTransaction, role: Scope['role']): void {
  scopes.used = true;
  const scope: Scope = { transaction, role, outer: outside(transaction) };
  const before = storage.getStore();
  storage.enterWith(scope);
  // Node may keep the scope on the async resource whose callback runs now. Its next callback (an interval's next tick,
  // a socket's next data) must not find the scope there.
  const resource = executionAsyncResource() as Record<symbol, unknown>;
  const place = Object.getOwnPropertySymbols(resource).find((key) => resource[key] === scope);
  if (place === undefined) return;
  timers.queueMicrotask(() => {
    if (resource[place] === scope) resource[place] = before;
  });
}

/** Notes that an operation is called with a session: its async context belongs to that session's transaction. */
export function noteUse(session: ClientSession): void {
  const innermost = storage.getStore();
  if (innermost?.role !== 'suspects') return;
  for (let scope: Scope | undefined = innermost; scope !== undefined; scope = scope.outer) {
    const { transaction, role } = scope;
    if (role !== 'suspects' || transaction.session !== session || transaction.over) continue;
    transaction.noteUse();
    if (!transaction.isStarting) enter(transaction, 'guards');
    return;
  }
}

/** Returns the scopes of this context that still matter around a new one. */
function outside(inner: OpenTransaction): Scope | undefined {
  const ended = new Set<MongoClient>([inner.client]);
  const kept: Scope[] = [];
  for (let scope = storage.getStore(); scope !== undefined; scope = scope.outer) {
    const { transaction, role } = scope;
    if (transaction.over) {
      // An ended transaction matters only so that operations that would have joined it reject.
      if (role !== 'joins' || ended.has(transaction.client)) continue;
      ended.add(transaction.client);
    }
    kept.push(scope);
  }
  return kept.reduceRight<Scope | undefined>((outer, scope) => ({ ...scope, outer }), undefined);
}
