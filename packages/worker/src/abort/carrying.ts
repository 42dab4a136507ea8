let carried: AbortSignal | undefined;

/** Runs `begin`. The operations that it begins before its first await are aborted with the signal. */
export function carrying<T>(signal: AbortSignal | undefined, begin: () => T): T {
  const before = carried;
  carried = signal;
  try {
    return begin();
  } finally {
    carried = before;
  }
}

/** Returns the signal that an operation that begins now is to have. */
export function carriedSignal(): AbortSignal | undefined {
  return carried;
}
