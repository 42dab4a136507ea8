import type { Document } from 'mongodb';

import type { CursorDescription } from './remote';

/**
 * Returns what an aggregation writes if its last stage is `$out` or `$merge`. Such an aggregation is not run again when
 * its worker dies, and later calls on the collection that it writes stay after it.
 */
export function writtenBy(
  pipeline: Document[] | undefined,
  db: string,
): Pick<CursorDescription, 'writes' | 'order'> {
  // Anything else is left to the driver or the server to refuse.
  const stage = Array.isArray(pipeline) ? pipeline.at(-1) : undefined;
  const output = (stage?.$out ?? (stage?.$merge as Document | undefined)?.into ?? stage?.$merge) as
    string | { db?: string; coll?: string } | undefined;
  if (output == null) return {};
  if (typeof output === 'string') return { writes: true, order: `${db}.${output}` };
  return { writes: true, order: `${output.db ?? db}.${output.coll ?? ''}` };
}

const READING = new Set(['find', 'listCollections', 'listIndexes']);

/** Returns whether a command that returns a cursor is known to write nothing. */
export function readsOnly(command: Document | undefined): boolean {
  const [name] = Object.keys(command ?? {});
  if (READING.has(name)) return true;
  return (
    name === 'aggregate' &&
    Array.isArray(command?.pipeline) &&
    writtenBy(command.pipeline as Document[], '').writes !== true
  );
}
