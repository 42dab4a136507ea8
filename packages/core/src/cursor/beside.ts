import type { AbstractCursor, ClientSession, Document } from 'mongodb';

import { encodeCall } from '../calls/encode';
import { decoding } from '../calls/options';
import type { ClientState } from '../client/state';
import type { CursorInternals } from '../driver/internals';
import { runOnMain, scopes } from '../transaction';
import {
  checkFilter,
  crossing,
  offloadedCursorState,
  sessionLink,
  targetOf,
  type CursorDescription,
  type Describe,
} from './description';
import { sessionForReading } from './joining';

/** An operation that a cursor offers beside its documents: it opens a cursor of its own in the worker. */
export async function callOnCursor(
  cursor: AbstractCursor,
  state: ClientState,
  name: 'cursor.explain' | 'cursor.count',
  description: CursorDescription,
  third: unknown,
  given: ClientSession | null | undefined,
): Promise<unknown> {
  state.prepare();
  // A count is a number, whatever the options say of those in documents.
  const decode =
    name === 'cursor.count'
      ? undefined
      : decoding(description.options, undefined, state.link.offload);
  const options = crossing(description);
  const session = sessionLink(cursor, given);
  return await state.link.call({
    name,
    target: targetOf(state, description),
    args: encodeCall(
      { a: description.kind, b: description.args, c: third, o: options },
      description.options,
    ),
    decoding: decode,
    session,
  });
}

/** Lets `explain` of the cursors of one class run in a worker. */
export function offloadExplain(prototype: AbstractCursor, describe: Describe): void {
  const explain = (prototype as { explain?: (...args: unknown[]) => Promise<Document> }).explain;
  if (explain === undefined) return;
  Object.defineProperty(prototype, 'explain', {
    writable: true,
    configurable: true,
    async value(
      this: CursorInternals & AbstractCursor,
      verbosity?: unknown,
      more?: unknown,
    ): Promise<unknown> {
      const what = 'cursor.explain';
      const session = scopes.used ? sessionForReading(this, what) : this.cursorSession;
      const state = offloadedCursorState(this);
      if (state === undefined) {
        return await runOnMain(session, { what, on: this }, () =>
          withSession(this, session, () => explain.call(this, verbosity, more)),
        );
      }
      const description = describe(this);
      checkFilter(description.args.filter);
      const { explain: asked } = this.resolveExplainTimeoutOptions?.(verbosity, more) ?? {};
      return await callOnCursor(this, state, what, description, asked ?? true, session);
    },
  });
}

/** The driver explains with the session among the options that a cursor was made with. */
function withSession<T>(
  cursor: CursorInternals,
  session: ClientSession | null | undefined,
  run: () => T,
): T {
  const options = cursor.findOptions ?? cursor.aggregateOptions;
  if (options === undefined || session == null) return run();
  const before: unknown = options.session;
  options.session = session;
  try {
    return run();
  } finally {
    options.session = before;
  }
}
