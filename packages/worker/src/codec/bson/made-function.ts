/** Whether this process may make code from strings (`--disallow-code-generation-from-strings`). */
export const mayCompile = canCompile();

function canCompile(): boolean {
  try {
    return makeFunction<number>('', 'return 1')('') === 1;
  } catch {
    return false;
  }
}

/** The one place where code is made from a string: ours, with keys as JSON in it and nothing else. */
export function makeFunction<Result>(
  parameter: string,
  body: string,
): (argument: unknown) => Result {
  // eslint-disable-next-line @typescript-eslint/no-implied-eval
  return new Function(parameter, body) as (argument: unknown) => Result;
}
