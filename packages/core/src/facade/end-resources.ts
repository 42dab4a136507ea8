import type { AbstractCursor, ClientSession, MongoClient } from 'mongodb';

import { noLongerThan } from '../abort';
import { noteClientCloses, remoteOf } from '../cursor';
import type { ClientInternals } from '../driver';
import { lastTransaction } from '../transaction';

/** Longest wait of a close, in ms, for its cursors or its sessions to end. A server that answers takes a few ms. */
const ENDING_MS = 1_000;
const FORCED_ENDING_MS = 250;

/**
 * Closes the cursors of a client that closes, while their workers still have connections to kill the server's cursors.
 * Reads in progress reject with a MongoClientClosedError.
 */
export async function closeCursors(
  cursors: Iterable<AbstractCursor>,
  force: boolean,
): Promise<void> {
  const active = [...cursors];
  for (const cursor of active) noteClientCloses(cursor, remoteOf(cursor));
  await endEach(active, (cursor) => cursor.close(), force);
}

/** Ends the sessions of a client that closes. This aborts their transactions, even with operations in flight. */
export async function endSessions(
  sessions: Iterable<ClientSession>,
  force: boolean,
): Promise<void> {
  const active = [...sessions];
  for (const session of active) lastTransaction(session)?.release();
  await endEach(active, (session) => session.endSession(), force);
}

/** Empties a client's pool of server sessions, and returns their ids of 16 bytes each. */
export function takeServerSessions(client: MongoClient): Uint8Array[] {
  const { sessions } = (client as unknown as ClientInternals).s.sessionPool;
  const ids: Uint8Array[] = [];
  for (let next = sessions.shift(); next !== null; next = sessions.shift()) {
    ids.push(new Uint8Array(next.id.id.buffer));
  }
  return ids;
}

/** Ends each resource. Stops waiting if the server does not answer; the rest of the close then ends what is left. */
async function endEach<T>(all: T[], end: (one: T) => Promise<void>, force: boolean): Promise<void> {
  if (all.length === 0) return;
  const ended = Promise.allSettled(all.map(async (one) => await end(one)));
  await noLongerThan(force ? FORCED_ENDING_MS : ENDING_MS, ended);
}
