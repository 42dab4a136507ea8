const { hrtime } = process;

function sinceHrtime(): number {
  const [seconds, nanoseconds] = hrtime();
  return seconds * 1000 + nanoseconds / 1_000_000;
}

const now = performance.now.bind(performance);
const ahead = sinceHrtime() - now();

/**
 * Returns milliseconds on a clock that all threads of the process share and that never goes back. `performance.now()`
 * starts at a different time in each thread. The module keeps Node's own functions, since tests replace them with
 * fakes.
 */
export function processTimeMS(): number {
  return ahead + now();
}
