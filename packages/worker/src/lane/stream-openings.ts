import type { Document } from 'mongodb';

import type { Target } from '../client';
import { startsNow } from '../cursor';
import { noLongerThan } from '../driver';

/** Longest time that an opening stream delays later calls. */
const LIMIT_MS = 1_000;

interface Opening {
  target: Target;
  wholeCluster: boolean;
  done: Promise<unknown>;
}

/**
 * Delays writes that were called after a change stream until the stream is open. They run on different connections.
 * Otherwise a write on an open connection would overtake a stream that waits for a new connection, and the stream would
 * never report the write.
 */
export class StreamOpenings {
  readonly #openings = new Set<Opening>();
  /** Number of waiting calls. Later calls wait as well. */
  #waiting = 0;

  /** Adds a change stream on `target` that is open when the promise settles. */
  add(target: Target, pipeline: Document[] | undefined, opened: Promise<unknown>): void {
    // A stream that starts at a given position reports the same events whenever it opens.
    if (!startsNow(pipeline)) return;
    const stage = pipeline?.[0]?.$changeStream as Document | undefined;
    const opening: Opening = {
      target,
      wholeCluster: stage?.allChangesForCluster === true,
      done: noLongerThan(LIMIT_MS, opened)
        // The call that opens the stream reports its error.
        .catch(() => undefined)
        .finally(() => this.#openings.delete(opening)),
    };
    this.#openings.add(opening);
  }

  /** Returns a promise if a call on `target` has to wait, which is rare. */
  before(target: Target, effect: 'read' | 'write'): Promise<void> | undefined {
    if (this.#openings.size === 0 || (effect === 'read' && this.#waiting === 0)) return undefined;
    const ahead = [...this.#openings].filter((opening) => watches(opening, target));
    if (ahead.length === 0) return undefined;
    this.#waiting += 1;
    return Promise.all(ahead.map(({ done }) => done)).then(() => {
      this.#waiting -= 1;
    });
  }
}

/** Whether a stream may report changes of a target. */
function watches({ target, wholeCluster }: Opening, { db, collection }: Target): boolean {
  if (wholeCluster || db === undefined) return true;
  if (target.db?.databaseName !== db.databaseName) return false;
  if (target.collection === undefined || collection === undefined) return true;
  return target.collection.collectionName === collection.collectionName;
}
