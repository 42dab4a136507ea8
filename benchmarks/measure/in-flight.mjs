/** Runs `operation` with the numbers from 0 to `count`, `width` of them at any time. */
export async function inFlight(count, width, operation) {
  let next = 0;
  const lane = async () => {
    while (next < count) await operation(next++);
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, lane));
}
