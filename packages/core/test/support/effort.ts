const effort = Number(process.env.MONGO_OFFLOAD_TEST_EFFORT ?? 1);

/**
 * How often a property is tried on the server: the same cases each time, or ever new ones, and more of them, with
 * MONGO_OFFLOAD_TEST_EFFORT=20.
 */
export function runs(number: number): { numRuns: number; seed?: number } {
  return effort === 1 ? { numRuns: number, seed: 1 } : { numRuns: number * effort };
}
