import { AbstractCursor, MongoNetworkError, MongoServerSelectionError } from 'mongodb';

/** How long, in ms, a server that was lost may take to be back before the error that lost it is told. */
export const LOST_SERVER_MS = 1_000;

/** What the driver keeps in a cursor. */
interface CursorInside {
  client: { startSession(options: { owner: unknown; explicit: false }): CursorSession };
  cursorSession: CursorSession | null;
  /** Sends killCursors where there is something to kill, and ends the cursor's own session. */
  cleanup?(this: CursorInside, timeoutMS?: number, error?: Error): Promise<void>;
}

interface CursorSession {
  /** Whose end is its own: the cursor, where the program gave it none. */
  owner: unknown;
  endSession(): Promise<void>;
}

/** Cursors that are ending by themselves, beside what goes on. */
const ending = new WeakSet<object>();

/**
 * Lets cursors tell soon that their server is lost. The driver first sends killCursors to that server, and waits
 * until it can be selected again: for `serverSelectionTimeoutMS`, half a minute by default, in which a change stream
 * does not resume either. Here that goes on beside. A cursor in a session of the program's is as the driver's, since what
 * is sent in a session must not come behind what the program does with it next.
 */
function tellLossesSoon(): void {
  const prototype = AbstractCursor.prototype as unknown as CursorInside;
  // eslint-disable-next-line @typescript-eslint/unbound-method -- it is called on the cursor below
  const { cleanup } = prototype;
  if (cleanup === undefined) return;
  prototype.cleanup = function (timeoutMS, error) {
    const isOwn = this.cursorSession?.owner === this;
    const ended = cleanup.call(this, timeoutMS, error);
    if (!isOwn || !isLoss(error)) return ended;
    ending.add(this);
    return noLongerThan(LOST_SERVER_MS, ended);
  };
}

tellLossesSoon();

async function noLongerThan(limitMS: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMS);
  });
  try {
    await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

function isLoss(error: Error | undefined): boolean {
  return error instanceof MongoNetworkError || error instanceof MongoServerSelectionError;
}

/**
 * Closes a cursor, here and on the server. A batch that is on its way would end the cursor's own session when it has
 * come, and killCursors, where it still waits for a connection, is not sent in a session that has ended.
 */
export async function kill(cursor: AbstractCursor): Promise<void> {
  if (ending.has(cursor)) return;
  const { cursorSession: session } = cursor as unknown as CursorInside;
  if (session?.owner !== cursor) return await cursor.close();
  session.owner = undefined;
  try {
    await cursor.close();
  } finally {
    await session.endSession();
  }
}

/**
 * Gives a cursor a session of its own in place of the program's, as the driver does where there is none.
 * The driver sends killCursors in a cursor's session: behind a transaction that would end what the session
 * knows of it, so that its commit could not be sent again; from a session that has ended, nothing is sent.
 */
export function leaveSession(cursor: AbstractCursor): void {
  const inside = cursor as unknown as CursorInside;
  inside.cursorSession = inside.client.startSession({ owner: cursor, explicit: false });
}
