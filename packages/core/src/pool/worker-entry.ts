import { BundledError } from '../errors';

/**
 * The file that our worker threads run.
 *
 * @throws BundledError where this code is part of a bundle: Piscina and we find our workers' files
 *   beside our own
 */
export function workerEntry(): string {
  // An ES module, as a bundle may be, has no __filename.
  const here = typeof __filename === 'string' ? __filename : undefined;
  if (here === undefined || !/[\\/]worker-entry\.[cm]?[jt]s$/.test(here))
    throw new BundledError(here);
  return require.resolve('@mongo-offload/worker/entry');
}
