import { FindCursor } from 'mongodb';

import { firstOf } from '../cursor';

type Tell = (bytes: Uint8Array | null) => void;

/** What the driver's cursor does for its first reply. */
interface Initializing {
  _initialize?: (this: FindCursor, session: unknown) => Promise<{ response: unknown }>;
}

const prototype = FindCursor.prototype as unknown as Initializing;
const initialize = prototype._initialize;

let telling: Tell | undefined;

// Where the driver reads its first reply in another way, nothing is told early.
if (initialize !== undefined) {
  prototype._initialize = function (session) {
    const tell = telling;
    const state = initialize.call(this, session);
    return tell === undefined ? state : told(state, tell);
  };
}

async function told<S extends { response: unknown }>(
  initialized: Promise<S>,
  tell: Tell,
): Promise<S> {
  const state = await initialized;
  const first = firstOf(state.response);
  if (first !== undefined) tell(first);
  return state;
}

/**
 * Begins a read, and tells its first document before the driver gives it: what comes behind the server's reply to a
 * `findOne`, the end of the cursor and of its implicit session, decides nothing, and takes a twentieth of the time of a call
 * alone.
 *
 * @param tell - is given the document's bytes, or null, as soon as they are there
 * @param begin - reads by a cursor of the driver's, before its first wait
 */
export function tellingFirst<T>(tell: Tell | undefined, begin: () => T): T {
  telling = tell;
  try {
    return begin();
  } finally {
    telling = undefined;
  }
}
