import type { Document } from 'mongodb';

import { signalOf, deadlineOf, type LimitOptions } from '../abort';
import { readingOptionsOf, type OperationOffloadOptions } from './reading-options';
import { withDriversSession } from './no-session';

/** Options of ours, for methods whose options are no OperationOptions of the driver's. */
export interface OwnOptions extends LimitOptions {
  offload?: OperationOffloadOptions;
}

/**
 * Checks the options of ours, where something is made that is used later: a cursor, a stream, a bulk operation.
 *
 * @returns the options as the driver takes them
 * @throws OffloadOptionError, MongoInvalidArgumentError or TypeError for one that is wrong
 */
export function checkOwnOptions<Options extends Document | null | undefined>(
  options: Options,
): Options {
  readingOptionsOf(options);
  deadlineOf(options, {});
  signalOf(options);
  return withDriversSession(options);
}
