import type { ServerSessionState } from '@mongo-offload/worker/protocol';
import { Binary, type MongoClient } from 'mongodb';

import { ServerSessionClass, type ClientInternals } from '../../driver';

/** Takes server sessions for a worker's client. */
interface Receiver {
  giveServerSession(client: number, session: ServerSessionState): void;
}

const byClient = new Map<number, IdleSessions>();

/**
 * The server sessions of one client that no explicit session uses. The driver has a single pool of them, so an
 * operation after an explicit session's end uses that session's id again. Here each worker has a pool for operations
 * without a session, so the id moves to a worker with the next such operation. In exchange the worker returns its least
 * recently used one, if it has others, so that their number stays the same.
 */
export class IdleSessions {
  readonly #client: MongoClient;
  readonly #id: number;
  /** Whether a session has ended since the last operation without one. */
  fresh = false;

  constructor(client: MongoClient, id: number) {
    this.#client = client;
    this.#id = id;
  }

  noteEnded(): void {
    this.fresh = true;
    byClient.set(this.#id, this);
  }

  /** Moves the session that ended last to the worker of the next operation. */
  handOver(to: Receiver): void {
    this.fresh = false;
    const pool = this.#pool;
    if (pool.sessions.length === 0) return;
    const { id, txnNumber, lastUse } = pool.acquire();
    const lsid = new Uint8Array(id.id.buffer);
    to.giveServerSession(this.#id, { lsid, txnNumber, lastUse });
  }

  /** Forgets the sessions: the client has closed. */
  forget(): void {
    this.fresh = false;
    byClient.delete(this.#id);
  }

  #takeBack({ lsid, txnNumber, lastUse }: ServerSessionState): void {
    const id = { id: new Binary(lsid, Binary.SUBTYPE_UUID) };
    this.#pool.sessions.push(new ServerSessionClass({ id, txnNumber, lastUse, isDirty: false }));
  }

  /** Takes back a session that a worker returned. */
  static takeBack(client: number, session: ServerSessionState): void {
    const idle = byClient.get(client);
    if (idle !== undefined) idle.#takeBack(session);
  }

  get #pool(): ClientInternals['s']['sessionPool'] {
    return (this.#client as unknown as ClientInternals).s.sessionPool;
  }
}
