import type { AbstractCursor } from 'mongodb';

import { noteClientCloses, remoteOf } from '../cursor';
import { endEach } from './end-each';

/**
 * Closes the cursors of a client that closes, while their workers still have connections to kill them by: closing
 * those ends what is on its way, with a MongoClientClosedError.
 */
export async function closeCursors(
  cursors: Iterable<AbstractCursor>,
  force: boolean,
): Promise<void> {
  const active = [...cursors];
  for (const cursor of active) noteClientCloses(cursor, remoteOf(cursor));
  await endEach(active, (cursor) => cursor.close(), force);
}
