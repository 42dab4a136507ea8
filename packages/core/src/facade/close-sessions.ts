import type { ClientSession, MongoClient } from 'mongodb';

import type { ClientInternals } from '../driver';
import { lastTransaction } from '../transaction';
import { endEach } from './end-each';

/** Ends the sessions of a client that closes, and so aborts their transactions, whatever is under way in them. */
export async function endSessions(
  sessions: Iterable<ClientSession>,
  force: boolean,
): Promise<void> {
  const active = [...sessions];
  for (const session of active) lastTransaction(session)?.release();
  await endEach(active, (session) => session.endSession(), force);
}

/** Empties a client's pool of server sessions: their ids, 16 bytes each. */
export function takeServerSessions(client: MongoClient): Uint8Array[] {
  const { sessions } = (client as unknown as ClientInternals).s.sessionPool;
  const ids: Uint8Array[] = [];
  for (let next = sessions.shift(); next !== null; next = sessions.shift()) {
    ids.push(new Uint8Array(next.id.id.buffer));
  }
  return ids;
}
