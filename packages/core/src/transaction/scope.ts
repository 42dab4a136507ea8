import { AsyncLocalStorage, executionAsyncResource } from 'node:async_hooks';

import type { ClientSession, MongoClient } from 'mongodb';

import type { OpenTransaction } from './open-transaction';
import { timers } from '../event-loop';

/**
 * A transaction that an async context is in. Contexts outlive transactions, and there is no leaving
 * one: the transaction says itself when it is over.
 */
export interface Scope {
  readonly transaction: OpenTransaction;
  /**
   * What that means for an operation without a session:
   * - `joins`: it takes part.
   * - `guards`: it is noticed as one whose session was forgotten.
   * - `suspects`: the same, if the stack confirms it. `startTransaction` marks the rest of the
   *   execution that called it, which may go on with something else (a second function that is called
   *   before the first is awaited).
   * - `holds`: it is part of an operation that the driver itself runs on the main thread.
   */
  readonly role: 'joins' | 'guards' | 'suspects' | 'holds';
  readonly outer: Scope | undefined;
}

const storage = new AsyncLocalStorage<Scope>();

/** Whether there has been any scope in this process: the one check of programs that use none. */
export const scopes = { used: false };

/** The innermost scope of this async context. */
export function scopeHere(): Scope | undefined {
  return storage.getStore();
}

/** Runs a function in a scope; what it begins is in it as well. */
export function within<T>(transaction: OpenTransaction, role: Scope['role'], run: () => T): T {
  scopes.used = true;
  return storage.run({ transaction, role, outer: outside(transaction) }, run);
}

/** The rest of this execution, and what it begins, is in a scope. */
export function enter(transaction: OpenTransaction, role: Scope['role']): void {
  scopes.used = true;
  const scope: Scope = { transaction, role, outer: outside(transaction) };
  const before = storage.getStore();
  storage.enterWith(scope);
  // Where Node keeps the scope on the resource whose callback this is, the next callback of the same
  // (a timer's next turn, a socket's next data) would find it there.
  const resource = executionAsyncResource() as Record<symbol, unknown>;
  const place = Object.getOwnPropertySymbols(resource).find((key) => resource[key] === scope);
  if (place === undefined) return;
  timers.queueMicrotask(() => {
    if (resource[place] === scope) resource[place] = before;
  });
}

/** An operation is called with a session: contexts in which that happens belong to its transaction. */
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

/** The scopes here that can still mean something around a new one. */
function outside(inner: OpenTransaction): Scope | undefined {
  const ended = new Set<MongoClient>([inner.client]);
  const kept: Scope[] = [];
  for (let scope = storage.getStore(); scope !== undefined; scope = scope.outer) {
    const { transaction, role } = scope;
    if (transaction.over) {
      // Of what has ended only this is of interest: that what would join it must not run outside of it.
      if (role !== 'joins' || ended.has(transaction.client)) continue;
      ended.add(transaction.client);
    }
    kept.push(scope);
  }
  return kept.reduceRight<Scope | undefined>((outer, scope) => ({ ...scope, outer }), undefined);
}
