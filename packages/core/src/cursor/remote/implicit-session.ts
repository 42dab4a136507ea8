import type { AbstractCursor, ClientSession } from 'mongodb';

import { clientOf, inside, type CursorInternals } from '../../driver';

const implicit = new WeakSet<ClientSession>();

/**
 * Gives a cursor without a session an implicit one, as the driver does. It exists only for the application to see, and
 * ends when the cursor is closed or rewound. Commands use the worker's own session, so this one has no id.
 */
export function makeImplicitSession(cursor: AbstractCursor & CursorInternals): ClientSession {
  const options: object = { owner: cursor, explicit: false };
  const session = clientOf(cursor).startSession(options);
  // Otherwise one would be taken from the pool and ended on the server, which never saw it.
  Object.defineProperty(session, 'serverSession', { value: null });
  implicit.add(session);
  cursor.cursorSession = session;
  return session;
}

/** Returns the session that the application gave to a cursor. */
export function givenSession(cursor: AbstractCursor): ClientSession | null {
  const { cursorSession } = inside(cursor);
  return cursorSession !== null && implicit.has(cursorSession) ? null : cursorSession;
}
