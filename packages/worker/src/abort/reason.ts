const MESSAGE = 'The call was aborted on the main thread';
const reasons = new WeakSet<object>();

/** Returns an error that stands for the abort reason, which is on the main thread. */
export function abortReason(): DOMException {
  const reason = new DOMException(MESSAGE, 'AbortError');
  reasons.add(reason);
  return reason;
}

/** Whether `abortReason` created the value. */
export function isAbortReason(value: unknown): boolean {
  return typeof value === 'object' && value !== null && reasons.has(value);
}

/** Whether the value is the message of such an error, as it appears in the driver's log. */
export function isAbortMessage(value: unknown): boolean {
  return value === MESSAGE;
}
