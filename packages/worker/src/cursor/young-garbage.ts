import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { type: 'minor' }) => void;

/** Collects the garbage of replies after this number of bytes. */
const EVERY_BYTES = 3_500_000;
/** Never after each reply: V8 counts a reply that two collections find in use as old, and keeps it. */
const EVERY_REPLIES = 3;

let replies = 0;
let bytes = 0;
let collect: Collect | undefined;

/**
 * Counts a reply, and collects the young garbage of this thread when enough replies have arrived. The pieces from which
 * the driver assembled a reply are garbage outside of V8's heap, which V8 collects only at 32 MB. A collection takes one
 * or two milliseconds, because hardly anything else in this thread is young.
 *
 * Measured with `batches()`, Node 20, medians of five processes each, in turns. Peak memory over idle of the first
 * 20,000 tweets: 22 MB, without it 46 MB. After 220,000 tweets: 50 MB, without it 81 MB, more than the 64 MB that the
 * benchmark allows. CPU of the process: 5.2 µs per tweet, without it 5.7.
 */
export function replyArrived(length: number): void {
  replies += 1;
  bytes += length;
  if (bytes < EVERY_BYTES || replies < EVERY_REPLIES) return;
  replies = bytes = 0;
  collect ??= collector();
  collect({ type: 'minor' });
}

/**
 * Returns V8's `gc` function. Node has it as a global only with --expose-gc. Otherwise this sets the flag of the process
 * while it makes one context, which then has the function, and clears it again: once in each worker, in one synchronous step.
 */
function collector(): Collect {
  const given = (globalThis as { gc?: Collect }).gc;
  if (given !== undefined) return given;
  setFlagsFromString('--expose-gc');
  try {
    return runInNewContext('gc') as Collect;
  } catch {
    return () => undefined;
  } finally {
    setFlagsFromString('--no-expose-gc');
  }
}
