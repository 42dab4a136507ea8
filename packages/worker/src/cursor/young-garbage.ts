import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { type: 'minor' }) => void;

/** Bytes of replies behind which their garbage is collected. */
const EVERY_BYTES = 3_500_000;
/** And not behind each reply: a reply that is found in use by two collections counts as old, and stays. */
const EVERY_REPLIES = 3;

let replies = 0;
let bytes = 0;
let collect: Collect | undefined;

/**
 * A reply of this many bytes has arrived. The pieces that the driver put it together from are garbage now, outside of
 * V8's heap: it collects them when there are 32 MB of them. Doing so earlier takes a millisecond or two, as hardly
 * anything else is young in this thread, and the same memory is used again while it is in the processor's cache.
 */
export function replyArrived(length: number): void {
  replies += 1;
  bytes += length;
  if (bytes < EVERY_BYTES || replies < EVERY_REPLIES) return;
  replies = bytes = 0;
  collect ??= collector();
  collect({ type: 'minor' });
}

/** V8's own function; Node gives it to programs that were started with --expose-gc, and to contexts made meanwhile. */
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
