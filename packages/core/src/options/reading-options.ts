import { OffloadOptionError } from '../errors';
import { WRITING_OPTIONS, type WritingOptions } from './writing-options';

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

/** Our options of one operation or cursor. */
export type OperationOffloadOptions = ReadingOptions & WritingOptions;

declare module 'mongodb' {
  interface OperationOptions {
    /** Of `@mongo-offload/core`: how the documents of this operation are decoded or encoded. */
    offload?: OperationOffloadOptions;
  }
  interface AbstractCursorOptions {
    /** Of `@mongo-offload/core`: how the documents of this cursor are made. */
    offload?: OperationOffloadOptions;
  }
}

export type ResolvedReadingOptions = Required<ReadingOptions>;

export const READING_OPTIONS = ['flatStrings', 'lazy'] as const;
const OF_OPERATIONS: readonly string[] = [...READING_OPTIONS, ...WRITING_OPTIONS];

/** @throws OffloadOptionError for a value that is neither true nor false */
export function resolveReadingOptions(
  options: ReadingOptions,
  defaults: ResolvedReadingOptions = { flatStrings: false, lazy: false },
): ResolvedReadingOptions {
  const resolved = { flatStrings: defaults.flatStrings, lazy: defaults.lazy };
  for (const name of READING_OPTIONS) resolved[name] = booleanOf(options, name) ?? resolved[name];
  return resolved;
}

function booleanOf(options: object, name: string): boolean | undefined {
  const value = (options as Record<string, unknown>)[name];
  if (value === undefined || typeof value === 'boolean') return value;
  throw new OffloadOptionError(
    `offload.${name} must be true or false, not ${JSON.stringify(value)}.`,
  );
}

/**
 * Returns the operation's own reading options, completed by its client's; undefined if it has no options of ours.
 *
 * @throws OffloadOptionError for an invalid option of ours, or one that operations do not have
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
    if (!OF_OPERATIONS.includes(key)) {
      throw new OffloadOptionError(
        `offload.${key} is not an option of operations. Their options are: ${OF_OPERATIONS.join(', ')}.`,
      );
    }
  }
  for (const name of WRITING_OPTIONS) booleanOf(own, name);
  return resolveReadingOptions(own, defaults);
}
