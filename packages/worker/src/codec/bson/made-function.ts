/** Whether this process may create code from strings (`--disallow-code-generation-from-strings` forbids it). */
export const mayCompile = canCompile();

function canCompile(): boolean {
  try {
    return makeFunction<number>('', 'return 1')('') === 1;
  } catch {
    return false;
  }
}

/**
 * Creates a function from a string. This is the only place that does so. The code is our own, and contains outside keys
 * only as JSON.
 */
export function makeFunction<Result>(
  parameter: string,
  body: string,
): (argument: unknown) => Result {
  // eslint-disable-next-line @typescript-eslint/no-implied-eval
  return new Function(parameter, body) as (argument: unknown) => Result;
}
