import { timers } from '../event-loop';

let sliceStart = 0;
let watching = false;
/** Whether the slice began in the loop's check phase. */
let beganInCheck = false;
/** One is kept alive, for the same reason as `noBatch`: this is called where documents are decoded. */
const kept: { immediate?: NodeJS.Immediate } = {};

function endSlice(): void {
  watching = false;
}

/**
 * Lets the event loop turn, if the main thread has been decoding for longer than a slice in this
 * turn of it. A worker that is faster than its consumer would otherwise keep the loop in microtasks
 * for as long as the result lasts.
 */
export async function yieldAfter(sliceMS: number): Promise<void> {
  if (!sliceIsOver(sliceMS)) return;
  // Messages come in the poll phase, and the check phase follows at once: the timers are due after that.
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
  // In the next turn a new slice begins; the timer keeps no process alive.
  kept.immediate = timers.setImmediate(endSlice).unref();
}
