import type { AbstractCursor } from 'mongodb';

import { noLongerThan } from '../abort/no-longer-than';
import { remoteOf } from '../cursor';

/** How long, in ms, cursors may hold up a close. A server that answers takes a few. */
const KILL_MS = 1_000;
const FORCED_KILL_MS = 250;

/**
 * Closes the cursors of a client that closes, while their workers still have connections to kill them by: closing
 * those ends what is on its way, with a MongoClientClosedError. Where the server does not answer, the close goes on, which ends what is left.
 */
export async function closeCursors(
  cursors: Iterable<AbstractCursor>,
  force: boolean,
): Promise<void> {
  const active = [...cursors];
  if (active.length === 0) return;
  for (const cursor of active) remoteOf(cursor)?.noteClientCloses();
  const closed = Promise.allSettled(active.map(async (cursor) => await cursor.close()));
  await noLongerThan(force ? FORCED_KILL_MS : KILL_MS, closed);
}
