import { ReadPreference, type Document, type HedgeOptions, type TagSet } from 'mongodb';

/** How a ReadPreference crosses: what its `toJSON` gives. */
interface Plain {
  mode: ReadPreference['mode'];
  tags?: TagSet[];
  maxStalenessSeconds?: number;
  hedge?: HedgeOptions;
}

/**
 * Makes the read preference among some options one of the driver's again, where that matters: of a plain one the driver
 * takes mode, tags and staleness, and leaves `hedge`.
 */
export function withReadPreference<T extends Document | undefined>(options: T): T {
  const plain = options?.readPreference as Plain | undefined;
  if (options === undefined || typeof plain?.hedge !== 'object') return options;
  const { mode, tags, maxStalenessSeconds, hedge } = plain;
  const readPreference = new ReadPreference(mode, tags, { maxStalenessSeconds, hedge });
  return { ...options, readPreference };
}
