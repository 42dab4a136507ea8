import type { AbstractCursor } from 'mongodb';

import { cursorInternals } from '../driver';

/** What a reply brought: documents, and their bytes. */
export interface ReplySize {
  length: number;
  byteLength: number;
}

/** Bytes of documents that a reply to a getMore aims at: small, since there are several in memory at a time. */
const REPLY_BYTES = 1_200_000;
/** The same where the result is kept as a whole, so that memory is no reason. */
const WHOLE_REPLY_BYTES = 3_000_000;
/** Milliseconds of round trip for which that is enough: each reply is fetched while the one before is encoded. */
const ROUND_TRIP_MS = 5;
/** What the server fills a reply with by itself. */
const LARGEST_REPLY_BYTES = 16 * 1024 * 1024;
/** A reply of fewer documents is not asked for: those before may have been unusually large. */
const LEAST_DOCUMENTS = 4;

/**
 * How many documents the next getMore is to ask for, where the program has not said it.
 *
 * Without a number the server fills its replies up to 16 MB. The driver puts such a reply together from pieces of
 * 64 KB, and the next one is on its way meanwhile: 64 MB of memory for each cursor, for which V8 collects the whole heap
 * again and again; and nothing of a reply can be decoded before the whole of it has come. Far from the server replies
 * are larger, since each costs a round trip.
 *
 * @param whole - the result is kept as a whole
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
