import type { Lane } from '../../pool';
import type { TargetRef } from '../call';

/** Writes under way in a namespace, and where. */
export interface Tracked {
  readonly namespace: string;
  readonly lane: Lane;
  count: number;
}

/** Writes in flight, by namespace. Later calls go to the same worker, after them. */
export class WriteOrder {
  readonly #writes = new Map<string, Tracked>();

  track(namespace: string, lane: Lane): Tracked {
    const known = this.#writes.get(namespace);
    if (known?.lane === lane) {
      known.count += 1;
      return known;
    }
    const entry = { namespace, lane, count: 1 };
    this.#writes.set(namespace, entry);
    return entry;
  }

  /** One of the writes has ended. */
  untrack(tracked: Tracked): void {
    const { namespace } = tracked;
    // A later call on a worker that is gone has an entry of its own by now.
    if (--tracked.count === 0 && this.#writes.get(namespace) === tracked) {
      this.#writes.delete(namespace);
    }
  }

  /** The lane of an unfinished write to the same collection, to its database, or to one in it. */
  laneFor({ namespace, definition: { db, collection } }: TargetRef): Lane | undefined {
    if (this.#writes.size === 0) return undefined;
    const own =
      this.#writes.get(namespace) ?? (db && this.#writes.get(db.name)) ?? this.#writes.get('');
    if (own !== undefined || collection !== undefined) return own?.lane;
    const prefix = db === undefined ? '' : `${db.name}.`;
    for (const [written, { lane }] of this.#writes) if (written.startsWith(prefix)) return lane;
    return undefined;
  }
}
