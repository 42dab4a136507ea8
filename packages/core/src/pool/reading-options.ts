import { OffloadOptionError } from '../errors';

/**
 * How documents are made of their bytes. Under `offload` of a client they hold for all that it reads;
 * under `offload` of an operation or cursor for its own result.
 */
export interface ReadingOptions {
  /**
   * Strings of documents are copies of their own. Without it a string of 13 characters or more keeps the
   * block of about 32 KB alive that it was cut from: harmless where a whole result is kept, and not where
   * few documents of many are kept for long. Costs about 40 ns for each such string. Default false.
   */
  flatStrings?: boolean;
  /**
   * Nested documents and arrays of 1 KB of BSON or more, where they are fields of a result's documents, are read
   * from its bytes when they are touched: for those who look at few of them. `Object.keys`, spread, JSON and
   * assignment work as usual; such a field is an accessor, which `console.log` shows as `[Getter/Setter]`, and its bytes
   * stay in memory until all lazy fields of the document were touched. Default false.
   */
  lazy?: boolean;
}

declare module 'mongodb' {
  interface OperationOptions {
    /** Of `@mongo-offload/core`: how the documents of this operation are made. */
    offload?: ReadingOptions;
  }
  interface AbstractCursorOptions {
    /** Of `@mongo-offload/core`: how the documents of this cursor are made. */
    offload?: ReadingOptions;
  }
}

export type ResolvedReadingOptions = Required<ReadingOptions>;

export const READING_OPTIONS = ['flatStrings', 'lazy'] as const;

/** @throws OffloadOptionError for a value that is neither true nor false */
export function resolveReadingOptions(
  options: ReadingOptions,
  defaults: ResolvedReadingOptions = { flatStrings: false, lazy: false },
): ResolvedReadingOptions {
  const resolved = { flatStrings: defaults.flatStrings, lazy: defaults.lazy };
  for (const name of READING_OPTIONS) {
    const value: unknown = options[name];
    if (value === undefined) continue;
    if (typeof value !== 'boolean') {
      throw new OffloadOptionError(
        `offload.${name} must be true or false, not ${JSON.stringify(value)}.`,
      );
    }
    resolved[name] = value;
  }
  return resolved;
}

/**
 * The reading options that an operation has of its own, before those of its client; undefined where it has none.
 *
 * @throws OffloadOptionError for what is no reading option
 */
export function readingOptionsOf(
  options: { offload?: unknown } | null | undefined,
  defaults?: ResolvedReadingOptions,
): ResolvedReadingOptions | undefined {
  const own = options?.offload;
  if (own == null) return undefined;
  if (typeof own !== 'object') {
    throw new OffloadOptionError(
      'The option offload must be an object, as in { offload: { flatStrings: true } }.',
    );
  }
  for (const key of Object.keys(own)) {
    if (!(READING_OPTIONS as readonly string[]).includes(key)) {
      throw new OffloadOptionError(
        `offload.${key} is no option of an operation. There are: ${READING_OPTIONS.join(', ')}.`,
      );
    }
  }
  return resolveReadingOptions(own, defaults);
}
