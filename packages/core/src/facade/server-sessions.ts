import type { MongoClient } from 'mongodb';

import type { ClientInternals } from '../driver/internals';

/** Empties a client's pool of server sessions: their ids, 16 bytes each. */
export function takeServerSessions(client: MongoClient): Uint8Array[] {
  const { sessions } = (client as unknown as ClientInternals).s.sessionPool;
  const ids: Uint8Array[] = [];
  for (let next = sessions.shift(); next !== null; next = sessions.shift()) {
    ids.push(new Uint8Array(next.id.id.buffer));
  }
  return ids;
}
