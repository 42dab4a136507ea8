import type { ResolvedOffloadOptions } from './offload-options';

/** How lists of documents are encoded, under `offload` of a client or of an operation. */
export interface WritingOptions {
  /**
   * A promise by the application: it leaves the documents, operations or statements that it gives to `insertMany`,
   * `bulkWrite`, `client.bulkWrite` or a bulk operation unchanged until the call has settled. A long list is then
   * encoded in slices of `sliceMS`, and the event loop turns in between. Without the promise, the whole list is encoded
   * before the call returns, as in the driver, so that later changes are not stored. Default false.
   */
  encodeInSlices?: boolean;
}

/** The names of these options. */
export const WRITING_OPTIONS = ['encodeInSlices'] as const;

/**
 * Returns the length of a slice in milliseconds, or undefined if a list may not be encoded in slices.
 *
 * @param options - those of the operation, already checked
 */
export function sliceOf(
  options: { offload?: unknown } | null | undefined,
  { encodeInSlices, sliceMS }: ResolvedOffloadOptions,
): number | undefined {
  const own = options?.offload as WritingOptions | null | undefined;
  return (own?.encodeInSlices ?? encodeInSlices) ? sliceMS : undefined;
}
