const MESSAGE = 'The call was aborted on the main thread';
const reasons = new WeakSet<object>();

/** Stands for the reason with which a call was aborted on the main thread. */
export function abortReason(): DOMException {
  const reason = new DOMException(MESSAGE, 'AbortError');
  reasons.add(reason);
  return reason;
}

export function isAbortReason(value: unknown): boolean {
  return typeof value === 'object' && value !== null && reasons.has(value);
}

/** Whether this is the message of such a reason, as a line of the driver's log has it. */
export function isAbortMessage(value: unknown): boolean {
  return value === MESSAGE;
}
