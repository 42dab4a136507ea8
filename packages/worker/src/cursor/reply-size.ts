import type { AbstractCursor } from 'mongodb';

import { cursorInternals } from '../driver';

/** The number of documents in a reply, and their bytes. */
export interface ReplySize {
  length: number;
  byteLength: number;
}

/** Target size of a getMore's reply: small, because several are in memory at a time. */
const REPLY_BYTES = 1_200_000;
/** The same if the application keeps the whole result, so that small replies save no memory. */
const WHOLE_REPLY_BYTES = 3_000_000;
/** Longest round trip, in ms, for which that is enough: each reply is fetched while the one before is encoded. */
const ROUND_TRIP_MS = 5;
/** The server's own limit of a reply. */
const LARGEST_REPLY_BYTES = 16 * 1024 * 1024;
/** The least batch size: the last documents may have been unusually large. */
const LEAST_DOCUMENTS = 4;

/**
 * Returns the batch size of the next getMore, if the application has not set one.
 *
 * Without a batch size the server fills its replies up to 16 MB. The driver assembles such a reply from pieces of 64 KB
 * while the next one arrives. That takes 64 MB of memory per cursor, for which V8 collects the whole heap again and
 * again. And the driver decodes nothing of a reply before it is complete. Far from the server replies are larger,
 * because each costs a round trip.
 *
 * @param whole - the application keeps the whole result
 */
export function documentsToAskFor(
  cursor: AbstractCursor,
  last: ReplySize,
  whole: boolean,
): number | undefined {
  if (last.length === 0) return undefined;
  const { server } = cursorInternals(cursor);
  const roundTripMS = server?.description.minRoundTripTime ?? 0;
  const bytes = whole ? WHOLE_REPLY_BYTES : REPLY_BYTES;
  const target = bytes * Math.max(1, roundTripMS / ROUND_TRIP_MS);
  if (target >= LARGEST_REPLY_BYTES) return undefined;
  return Math.max(LEAST_DOCUMENTS, Math.ceil((target * last.length) / last.byteLength));
}
