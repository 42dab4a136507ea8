import { timers } from '../event-loop';

let sliceStart = 0;
let watching = false;
/** Whether the slice began in the loop's check phase. */
let beganInCheck = false;
/** Keeps one immediate alive, for the same reason as `noBatch`: this code runs where documents are decoded. */
const kept: { immediate?: NodeJS.Immediate } = {};

function endSlice(): void {
  watching = false;
}

/**
 * Lets the event loop turn if the main thread has decoded for longer than a slice in this turn. Otherwise, a worker
 * that is faster than its consumer would keep the event loop in microtasks until the end of the result.
 */
export async function yieldAfter(sliceMS: number): Promise<void> {
  if (!sliceIsOver(sliceMS)) return;
  // Messages arrive in the poll phase. The check phase follows at once, and the timers run only after that.
  if (!beganInCheck) await timers.nextTurn();
  await timers.nextTurn();
  startSlice(true);
}

export function sliceIsOver(sliceMS: number): boolean {
  if (!watching) {
    startSlice(false);
    return false;
  }
  return timers.now() - sliceStart >= sliceMS;
}

function startSlice(inCheck: boolean): void {
  sliceStart = timers.now();
  beganInCheck = inCheck;
  if (watching) return;
  watching = true;
  // The next turn starts a new slice. The immediate does not keep the process alive.
  kept.immediate = timers.setImmediate(endSlice).unref();
}
