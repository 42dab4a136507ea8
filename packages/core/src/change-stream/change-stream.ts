import * as driver from 'mongodb';
import type { AbstractCursor, ChangeStreamDocument, Document } from 'mongodb';

import { offloadedCursor } from '../cursor';
import type { ChangeStreamInternals } from '../driver/internals';
import { ownAllMethods } from '../facade/own-prototype';
import { ChangeStreamCursor } from './change-stream-cursor';

/**
 * The driver's ChangeStream, whose cursor is read in a worker thread. Events, modes, the resume
 * token and the decision what to resume from are the driver's own, here; only what a server is
 * asked crosses. A stream whose worker died resumes on another.
 */
export class ChangeStream<
  TSchema extends Document = Document,
  TChange extends Document = ChangeStreamDocument<TSchema>,
> extends driver.ChangeStream<TSchema, TChange> {}

type Internals = ChangeStreamInternals & driver.ChangeStream;

const native = driver.ChangeStream.prototype as unknown as Internals;

const replacement = {
  /** The stream's first cursor, and one each time it resumes. */
  _createChangeStreamCursor(this: Internals, options: Document): ChangeStreamCursor {
    return offloadedCursor(
      native._createChangeStreamCursor.call(this, options),
      ChangeStreamCursor,
    );
  },

  _streamEvents(this: Internals, cursor: AbstractCursor): void {
    // When it resumes, the driver comes here before it hands the new cursor out.
    native._streamEvents.call(this, offloadedCursor(cursor, ChangeStreamCursor));
    // A stream that begins to flow reads in the next tick. Beginning now sends the command before
    // that of an insert in the line below `on('change')`.
    this.cursorStream?.read(0);
  },
};

for (const [name, value] of Object.entries(replacement)) {
  Object.defineProperty(ChangeStream.prototype, name, {
    value,
    writable: true,
    configurable: true,
  });
}
ownAllMethods(ChangeStream, driver.ChangeStream);

/** Makes a change stream of the driver's one of ours: same object, same state, read in a worker. */
export function offloadedChangeStream<TSchema extends Document, TChange extends Document>(
  stream: driver.ChangeStream<TSchema, TChange>,
): ChangeStream<TSchema, TChange> {
  offloadedCursor((stream as unknown as ChangeStreamInternals).cursor, ChangeStreamCursor);
  return Object.setPrototypeOf(stream, ChangeStream.prototype) as ChangeStream<TSchema, TChange>;
}
