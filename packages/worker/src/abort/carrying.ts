let carried: AbortSignal | undefined;

/** Runs `begin`. The signal aborts the operations that `begin` starts before its first await. */
export function carrying<T>(signal: AbortSignal | undefined, begin: () => T): T {
  const before = carried;
  carried = signal;
  try {
    return begin();
  } finally {
    carried = before;
  }
}

/** Returns the signal for an operation that starts now. */
export function carriedSignal(): AbortSignal | undefined {
  return carried;
}
