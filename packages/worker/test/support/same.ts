import { inspect, types } from 'node:util';

/**
 * Throws unless the two are the same to a program: stricter than assert.deepStrictEqual, which overlooks the
 * order of keys, and which holds two invalid dates for different.
 */
export function assertSame(actual: unknown, expected: unknown): void {
  const difference = differenceOf(actual, expected);
  if (difference === undefined) return;
  throw new Error(
    `at $${difference}\n  actual:   ${brief(actual)}\n  expected: ${brief(expected)}`,
  );
}

/** Where the two differ, and in what; the path is made on the way back, so that it costs nothing else. */
function differenceOf(actual: unknown, expected: unknown): string | undefined {
  if (Object.is(actual, expected)) return undefined;
  if (typeof expected !== 'object' || expected === null) return ': another value';
  if (typeof actual !== 'object' || actual === null) return ': not an object';
  if (Object.getPrototypeOf(actual) !== Object.getPrototypeOf(expected))
    return ': another prototype';
  if (types.isUint8Array(expected)) {
    return Buffer.compare(actual as Uint8Array, expected) === 0 ? undefined : ': other bytes';
  }
  if (Array.isArray(expected)) return differenceOfLists(actual as unknown[], expected);
  if (types.isDate(expected)) {
    if (!Object.is((actual as Date).getTime(), expected.getTime())) return ': another date';
  } else if (types.isRegExp(expected)) {
    const { source, flags } = actual as RegExp;
    if (source !== expected.source || flags !== expected.flags) return ': another expression';
  }
  const keys = keysOf(expected);
  const actualKeys = keysOf(actual);
  if (keys.length !== actualKeys.length || keys.some((key, at) => key !== actualKeys[at])) {
    return `: keys ${brief(actualKeys)} instead of ${brief(keys)}`;
  }
  for (const key of keys) {
    const one = Object.getOwnPropertyDescriptor(actual, key)!;
    const other = Object.getOwnPropertyDescriptor(expected, key)!;
    // A lazy field has accessors, and behaves like a property that may be written.
    const writable = one.set === undefined ? one.writable : true;
    const value: unknown = one.get === undefined ? one.value : Reflect.get(actual, key);
    const difference =
      one.enumerable !== other.enumerable ||
      writable !== other.writable ||
      one.configurable !== other.configurable
        ? ': another kind of property'
        : differenceOf(value, other.value);
    if (difference !== undefined) return `.${String(key)}${difference}`;
  }
  return undefined;
}

function differenceOfLists(actual: unknown[], expected: unknown[]): string | undefined {
  if (actual.length !== expected.length) return `: ${actual.length} elements`;
  if (Object.keys(actual).length !== actual.length) return ': holes or more than elements';
  for (let at = 0; at < expected.length; at++) {
    const difference = differenceOf(actual[at], expected[at]);
    if (difference !== undefined) return `[${at}]${difference}`;
  }
  return undefined;
}

/** What a call gives or throws, for comparison. */
export type Outcome = { value: unknown } | { error: string };

export function outcomeOf(call: () => unknown): Outcome {
  try {
    return { value: call() };
  } catch (error) {
    const { name, message } = error as Error;
    return { error: `${name}: ${message}` };
  }
}

export function assertSameOutcome(actual: Outcome, expected: Outcome): void {
  if ('value' in actual && 'value' in expected) assertSame(actual.value, expected.value);
  else assertSame(actual, expected);
}

function brief(value: unknown): string {
  return inspect(value, { depth: 6, breakLength: Infinity }).slice(0, 2_000);
}

/** Own keys, except the symbol under which a lazy document keeps its fields. */
function keysOf(object: object): (string | symbol)[] {
  return Reflect.ownKeys(object).filter(
    (key) => typeof key === 'string' || Object.prototype.propertyIsEnumerable.call(object, key),
  );
}
