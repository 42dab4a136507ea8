import type { AbstractCursor, Collection, Db, Document } from 'mongodb';

import type { Target } from '../client';
import type { CursorKind } from '../protocol';
import { changeStreamCursor } from './change-stream';

/** What a cursor is opened with besides its options. */
export interface CursorArguments {
  filter?: Document;
  pipeline?: Document[];
  command?: Document;
}

/** Makes the driver's cursor of this kind; nothing is sent until it is read. */
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

/** What a program gets that gives a collection no name: the driver leaves it to the server to refuse it. */
function unnamed(db: Db): Collection {
  return db.collection(undefined as unknown as string);
}

/** Flags that the driver takes by `addCursorFlag` only. */
function withFlags<C extends AbstractCursor>(cursor: C, options: Document): C {
  for (const flag of ['oplogReplay', 'exhaust', 'partial', 'noCursorTimeout'] as const) {
    if (typeof options[flag] === 'boolean') cursor.addCursorFlag(flag, options[flag]);
  }
  return cursor;
}
