import type { AbstractCursor } from 'mongodb';

import { cursorInternals, isCleaningUp } from '../driver';

/**
 * Closes a cursor, here and on the server. A cursor's own session ends last. Otherwise a batch in flight would end it
 * when it arrives, and the driver would not send a killCursors that still waits for a connection.
 */
export async function kill(cursor: AbstractCursor): Promise<void> {
  if (isCleaningUp(cursor)) return;
  const { cursorSession: session } = cursorInternals(cursor);
  if (session?.owner !== cursor) return await cursor.close();
  session.owner = undefined;
  try {
    await cursor.close();
  } finally {
    await session.endSession();
  }
}

/**
 * Gives a cursor its own session in place of the application's, as the driver does for a cursor without one. The driver
 * sends killCursors in the cursor's session. After a transaction that would clear the session's state, so that its
 * commit could not be sent again. In a session that has ended, the driver sends nothing.
 */
export function leaveSession(cursor: AbstractCursor): void {
  const internals = cursorInternals(cursor);
  internals.cursorSession = internals.client.startSession({ owner: cursor, explicit: false });
}
