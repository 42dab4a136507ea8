/**
 * Runs `operation` with the numbers from 0 to `count`, `width` of them at a time.
 *
 * @param {(number: number, place: number) => Promise<void>} operation `place` is below `width`; no two operations
 *   in flight have the same
 */
export async function inFlight(count, width, operation) {
  let next = 0;
  const run = async (_, place) => {
    while (next < count) await operation(next++, place);
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, run));
}
