const MESSAGE = 'The call was aborted on the main thread';
const reasons = new WeakSet<object>();

/** Makes an error that stands for the reason of an abort on the main thread. */
export function abortReason(): DOMException {
  const reason = new DOMException(MESSAGE, 'AbortError');
  reasons.add(reason);
  return reason;
}

/** Whether `abortReason` made the value. */
export function isAbortReason(value: unknown): boolean {
  return typeof value === 'object' && value !== null && reasons.has(value);
}

/** Whether a line of the driver's log has the message of such a reason. */
export function isAbortMessage(value: unknown): boolean {
  return value === MESSAGE;
}
