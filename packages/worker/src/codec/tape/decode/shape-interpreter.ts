import type { Document } from 'mongodb';

import { Kind, type ShapeDefinition } from '../format/format';
import { dataProperty, lazyProperty, setLazyFields, type LazySlots } from './lazy-fields';
import type { ShapeReader, TapeCursor } from './tape-cursor';

/**
 * Returns a reader that follows the definition of a shape. It serves shapes that are too new to be compiled, and
 * processes that forbid creating code from strings.
 */
export function interpretedReader(shape: ShapeDefinition): ShapeReader {
  return (cursor) => interpret(shape, cursor);
}

function interpret({ kinds, keys }: ShapeDefinition, cursor: TapeCursor): Document {
  const root: Document = {};
  const parents: Document[] = [];
  let document = root;
  let key = 0;
  let lazy: LazySlots | undefined;
  for (const kind of kinds) {
    if (kind === Kind.End) {
      document = parents.pop() ?? root;
      continue;
    }
    const name = keys[key++];
    if (kind === Kind.Document) {
      const nested: Document = {};
      assign(document, name, nested);
      parents.push(document);
      document = nested;
    } else if (kind === Kind.Lazy) {
      lazy ??= [cursor.lazySource()];
      Object.defineProperty(root, name, lazyProperty(lazy.length, name));
      lazy.push(cursor.skipLazy());
    } else {
      assign(document, name, kind === Kind.Variant ? cursor.readVariant() : cursor.readValue(kind));
    }
  }
  if (lazy !== undefined) setLazyFields(root, lazy);
  return root;
}

function assign(document: Document, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(document, key, dataProperty(value));
  } else {
    document[key] = value;
  }
}
