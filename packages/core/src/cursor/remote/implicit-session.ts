import type { AbstractCursor, ClientSession } from 'mongodb';

import { clientOf, inside, type CursorInternals } from '../../driver';

const implicit = new WeakSet<ClientSession>();

/**
 * Gives a cursor that was given no session what the driver shows of the one that it makes for it: it is there, and it
 * ends when the cursor is closed or rewound. The one that is sent is the worker's, so this one has no id.
 */
export function makeImplicitSession(cursor: AbstractCursor & CursorInternals): ClientSession {
  const options: object = { owner: cursor, explicit: false };
  const session = clientOf(cursor).startSession(options);
  // Else one would be taken from the pool, and ended at the server, which never saw it.
  Object.defineProperty(session, 'serverSession', { value: null });
  implicit.add(session);
  cursor.cursorSession = session;
  return session;
}

/** The session that a cursor was given. */
export function givenSession(cursor: AbstractCursor): ClientSession | null {
  const { cursorSession } = inside(cursor);
  return cursorSession !== null && implicit.has(cursorSession) ? null : cursorSession;
}
