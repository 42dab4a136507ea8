import type { ClientSession, Document, MongoClient } from 'mongodb';

import { withinLimits } from '../abort';
import { stateOf } from '../client';
import { readingOptionsOf } from '../options';
import { runOnMain } from '../transaction';

/**
 * Runs an operation of a client that runs on the main thread, with the `signal` and `deadlineMS` of its options. The
 * driver's method does not take our signal: after an abort the caller gets the reason at once, and the method continues in
 * the background.
 */
export async function limitedOnMain<T>(
  client: MongoClient,
  options: Document | null | undefined,
  { what, on, write }: { what: string; on: object; write: boolean },
  work: () => Promise<T>,
): Promise<T> {
  readingOptionsOf(options);
  const defaults = stateOf(client)?.link.offload ?? {};
  const session = options?.session as ClientSession | undefined;
  return await withinLimits(options, { what, write, defaults }, (signal) =>
    runOnMain(session, { what, on, signal }, work),
  );
}
