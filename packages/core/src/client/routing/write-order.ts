import type { Lane } from '../../pool';
import type { TargetRef } from '../call';

/** The writes in flight in a namespace, and the lane that they went to. */
export interface Tracked {
  readonly namespace: string;
  readonly lane: Lane;
  count: number;
}

/** The writes in flight, by namespace. Later calls in a namespace follow them to the same worker. */
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

  /** Notes that one of the writes has ended. */
  untrack(tracked: Tracked): void {
    const { namespace } = tracked;
    // If the worker was lost, a later write on another worker has replaced the entry.
    if (--tracked.count === 0 && this.#writes.get(namespace) === tracked) {
      this.#writes.delete(namespace);
    }
  }

  /** Returns the lane of a write in flight to the target, to what contains it, or to a collection in it. */
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
