import type { Document } from 'mongodb';

import type { CursorDescription } from './remote';

/**
 * What an aggregation writes, where its last stage is `$out` or `$merge`: such a one is not run again
 * when its worker dies, and later calls on the collection that it writes stay after it.
 */
export function writtenBy(
  pipeline: Document[] | undefined,
  db: string,
): Pick<CursorDescription, 'writes' | 'order'> {
  // Whatever else was given, the driver or the server has the word on it.
  const stage = Array.isArray(pipeline) ? pipeline.at(-1) : undefined;
  const output = (stage?.$out ?? (stage?.$merge as Document | undefined)?.into ?? stage?.$merge) as
    string | { db?: string; coll?: string } | undefined;
  if (output == null) return {};
  if (typeof output === 'string') return { writes: true, order: `${db}.${output}` };
  return { writes: true, order: `${output.db ?? db}.${output.coll ?? ''}` };
}

const READING = new Set(['find', 'listCollections', 'listIndexes']);

/** Whether a command that gives a cursor is known to change nothing. */
export function readsOnly(command: Document | undefined): boolean {
  const [name] = Object.keys(command ?? {});
  if (READING.has(name)) return true;
  return (
    name === 'aggregate' &&
    Array.isArray(command?.pipeline) &&
    writtenBy(command.pipeline as Document[], '').writes !== true
  );
}
