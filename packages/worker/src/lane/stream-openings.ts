import type { Document } from 'mongodb';

import type { Target } from '../client';
import { startsNow } from '../cursor';

/** A stream that does not open holds nothing back for longer than this. */
const LIMIT_MS = 1_000;

interface Opening {
  target: Target;
  wholeCluster: boolean;
  done: Promise<unknown>;
}

/**
 * Keeps the order of a change stream's opening and the writes called behind it. They run on
 * different connections; without this, a write on one that is open already would overtake the
 * stream that waits for one to be made, and the stream would never tell of it.
 */
export class StreamOpenings {
  readonly #openings = new Set<Opening>();
  /** Calls that wait: what is called behind one of them waits as well. */
  #held = 0;

  /** A change stream on `target` opens with the promise. */
  add(target: Target, pipeline: Document[] | undefined, opened: Promise<unknown>): void {
    // One that starts at a given position sees the same whenever it opens.
    if (!startsNow(pipeline)) return;
    const stage = pipeline?.[0]?.$changeStream as Document | undefined;
    const opening: Opening = {
      target,
      wholeCluster: stage?.allChangesForCluster === true,
      done: noLongerThan(LIMIT_MS, opened).finally(() => this.#openings.delete(opening)),
    };
    this.#openings.add(opening);
  }

  /** What a call on `target` has to wait for; undefined, nearly always, where it need not. */
  before(target: Target, effect: 'read' | 'write'): Promise<void> | undefined {
    if (this.#openings.size === 0 || (effect === 'read' && this.#held === 0)) return undefined;
    const ahead = [...this.#openings].filter((opening) => watches(opening, target));
    if (ahead.length === 0) return undefined;
    this.#held += 1;
    return Promise.all(ahead.map(({ done }) => done)).then(() => {
      this.#held -= 1;
    });
  }
}

/** Whether a stream may tell of what happens on a target. */
function watches({ target, wholeCluster }: Opening, { db, collection }: Target): boolean {
  if (wholeCluster || db === undefined) return true;
  if (target.db?.databaseName !== db.databaseName) return false;
  if (target.collection === undefined || collection === undefined) return true;
  return target.collection.collectionName === collection.collectionName;
}

async function noLongerThan(limitMS: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, limitMS)));
  try {
    await Promise.race([promise, limit]);
  } catch {
    // whoever opens the stream hears of it
  } finally {
    clearTimeout(timer);
  }
}
