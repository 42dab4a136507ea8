import type { ClientSession, MongoClient } from 'mongodb';

import { noLongerThan } from '../abort/no-longer-than';
import type { ClientInternals } from '../driver/internals';
import { lastTransaction } from '../transaction';

/** How long, in ms, the abort of transactions may hold up a close. A server that answers takes a few. */
const ABORT_MS = 1_000;
const FORCED_ABORT_MS = 250;

/**
 * Ends the sessions of a client that closes, and so aborts their transactions, whatever is under way in them. Where
 * the server does not answer, the close goes on, which ends what is left.
 */
export async function endSessions(
  sessions: Iterable<ClientSession>,
  force: boolean,
): Promise<void> {
  const active = [...sessions];
  if (active.length === 0) return;
  for (const session of active) lastTransaction(session)?.release();
  const ended = Promise.allSettled(active.map(async (session) => await session.endSession()));
  await noLongerThan(force ? FORCED_ABORT_MS : ABORT_MS, ended);
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
