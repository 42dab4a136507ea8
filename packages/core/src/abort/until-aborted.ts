/**
 * What the promise gives, or the signal's reason as soon as it is aborted. `onAbort` tells whoever
 * works on it to stop; what the promise comes to after that is ignored.
 */
export async function untilAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | null | undefined,
  onAbort?: () => void,
): Promise<T> {
  if (signal == null) return await promise;
  promise.catch(() => undefined);
  if (signal.aborted) {
    onAbort?.();
    throw signal.reason;
  }
  let reject!: (reason: unknown) => void;
  const aborted = new Promise<never>((_, no) => (reject = no));
  const listener = (): void => {
    onAbort?.();
    reject(signal.reason);
  };
  signal.addEventListener('abort', listener, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', listener);
  }
}
