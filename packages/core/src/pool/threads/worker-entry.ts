import { existsSync } from 'node:fs';
import path from 'node:path';

import { BundledError } from '../../errors';

let found: string | undefined;

/**
 * The file that our worker threads run.
 *
 * @throws BundledError where this code is part of a bundle: Piscina and we find our workers' files
 *   next to our own
 */
export function workerEntry(): string {
  return (found ??= findEntry());
}

function findEntry(): string {
  // An ES module, as a bundle may be, has no __filename. Bundlers may also keep the name that the file had.
  const here = typeof __filename === 'string' ? __filename : undefined;
  if (here === undefined || !/[\\/]worker-entry\.[cm]?[jt]s$/.test(here))
    throw new BundledError(here);
  // In a bundle it is what the bundler numbers its modules by.
  const entry: unknown = require.resolve('@mongo-offload/worker/entry');
  if (typeof entry !== 'string' || !path.isAbsolute(entry) || !existsSync(entry)) {
    throw new BundledError(here);
  }
  return entry;
}
