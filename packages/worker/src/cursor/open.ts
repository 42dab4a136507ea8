import type { AbstractCursor, Collection, Db, Document } from 'mongodb';

import type { Target } from '../client';
import type { CursorKind } from '../protocol';
import { changeStreamCursor } from './change-stream';

/** The arguments of a cursor, without its options. */
export interface CursorArguments {
  filter?: Document;
  pipeline?: Document[];
  command?: Document;
}

/** Returns the driver's cursor of this kind. It sends nothing until it is read. */
export function openCursor(
  kind: CursorKind,
  { filter, pipeline, command }: CursorArguments,
  { db, collection }: Target,
  options: Document,
): AbstractCursor {
  if (db === undefined) throw new TypeError('a cursor needs a database');
  switch (kind) {
    case 'find': {
      const { findModifiers, ...own } = options as { findModifiers?: { comment: string } };
      const cursor = (collection ?? unnamed(db)).find(filter as Document, own);
      if (findModifiers !== undefined) cursor.comment(findModifiers.comment);
      return withFlags(cursor, own);
    }
    case 'aggregate':
      return withFlags((collection ?? db).aggregate(pipeline, options), options);
    case 'listSearchIndexes':
      return (collection ?? unnamed(db)).aggregate(pipeline, options);
    case 'listCollections':
      return db.listCollections(filter, options);
    case 'listIndexes':
      return (collection ?? unnamed(db)).listIndexes(options);
    case 'runCommand': {
      const cursor = db.runCursorCommand(command as Document, options);
      Object.assign(cursor.getMoreOptions, options.getMoreOptions);
      return cursor;
    }
    case 'changeStream':
      return changeStreamCursor(collection ?? db, pipeline ?? [], options);
    default:
      return kind satisfies never;
  }
}

/** Returns a collection without a name, which the driver leaves to the server to refuse. */
function unnamed(db: Db): Collection {
  return db.collection(undefined as unknown as string);
}

/** Sets the flags that the driver takes only by `addCursorFlag`. */
function withFlags<C extends AbstractCursor>(cursor: C, options: Document): C {
  for (const flag of ['oplogReplay', 'exhaust', 'partial', 'noCursorTimeout'] as const) {
    if (typeof options[flag] === 'boolean') cursor.addCursorFlag(flag, options[flag]);
  }
  return cursor;
}
