import type { Document } from 'mongodb';

import { Kind, type ShapeDefinition } from './format';
import type { ShapeReader, TapeCursor } from './tape-cursor';

/**
 * Reads documents of a shape by following its definition: for shapes that are too young to be compiled, and
 * for processes that forbid making code from strings.
 */
export function interpretedReader(shape: ShapeDefinition): ShapeReader {
  return (cursor) => interpret(shape, cursor);
}

function interpret({ kinds, keys }: ShapeDefinition, cursor: TapeCursor): Document {
  const root: Document = {};
  const parents: Document[] = [];
  let document = root;
  let key = 0;
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
    } else {
      assign(document, name, kind === Kind.Variant ? cursor.readVariant() : cursor.readValue(kind));
    }
  }
  return root;
}

function assign(document: Document, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(document, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  } else {
    document[key] = value;
  }
}
