/** How often a property is tried. Raise it to search for longer: MONGO_OFFLOAD_TEST_EFFORT=20. */
export function runs(number: number): { numRuns: number } {
  return { numRuns: number * Number(process.env.MONGO_OFFLOAD_TEST_EFFORT ?? 1) };
}
