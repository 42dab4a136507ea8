import type { AbstractCursor } from 'mongodb';

const readWhole = new WeakSet<AbstractCursor>();

/** All that the cursor has left is read, and kept: its replies may be larger. */
export function noteReadWhole(cursor: AbstractCursor): void {
  readWhole.add(cursor);
}

export function isReadWhole(cursor: AbstractCursor): boolean {
  return readWhole.has(cursor);
}
