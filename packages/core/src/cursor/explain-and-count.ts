import type { AbstractCursor, ClientSession, Document } from 'mongodb';

import { eitherSignal, signalOf, limiting, untilAborted } from '../abort';
import { encodeArguments, decoding } from '../calls';
import { stateOf, type ClientState } from '../client';
import { clientOf, type CursorInternals } from '../driver';
import { readingOptionsOf } from '../options';
import { runOnMain, scopes } from '../transaction';
import {
  crossing,
  offloadedCursorState,
  sessionLink,
  targetOf,
  type CursorDescription,
  givenSession,
} from './remote';
import { sessionForReading } from './cursor-session';

type Name = 'cursor.explain' | 'cursor.count';

/**
 * Runs `explain` or `count` within the deadline of its own options, or else of the cursor's. The signals of both abort
 * it.
 */
export async function withinCursorLimits<T>(
  cursor: AbstractCursor & CursorInternals,
  what: Name,
  { options }: CursorDescription,
  own: Document | null | undefined,
  work: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  readingOptionsOf(own);
  const deadlineMS = (own?.deadlineMS ?? options.deadlineMS) as number | undefined;
  const defaults = stateOf(clientOf(cursor))?.link.offload ?? {};
  const { signal, release } = eitherSignal(signalOf(own), cursor.signal);
  try {
    return await limiting({ signal, deadlineMS }, { what, write: false, defaults }, work);
  } finally {
    release();
  }
}

/** Sends `explain` or `count` to a worker, which makes its own cursor for it. */
export async function callOnCursor(
  cursor: AbstractCursor,
  state: ClientState,
  name: Name,
  description: CursorDescription,
  third: unknown,
  given: ClientSession | null | undefined,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  state.prepare();
  // A count is always a number. Options about numbers apply to documents only.
  const decode =
    name === 'cursor.count'
      ? undefined
      : decoding(description.options, undefined, state.link.offload);
  const options = crossing(description);
  const session = sessionLink(cursor, given);
  const { result } = await state.link.send({
    name,
    target: targetOf(state, description),
    args: encodeArguments(
      { a: description.kind, b: description.args, c: third, o: options },
      description.options,
      { lookedInto: 1 },
    ),
    decoding: decode,
    signal,
    session,
  });
  return result;
}

/** Makes `explain` of the cursors of one class run in a worker. */
export function offloadExplain(
  prototype: AbstractCursor,
  describe: (cursor: AbstractCursor) => CursorDescription,
): void {
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
      const session = scopes.used ? sessionForReading(this, what) : givenSession(this);
      const state = offloadedCursorState(this);
      const description = describe(this);
      const own = explainOptions(verbosity, more);
      return await withinCursorLimits(this, what, description, own, async (signal) => {
        if (state === undefined) {
          const explained = runOnMain(session, { what, on: this, signal }, () =>
            withSession(this, session, () => explain.call(this, verbosity, more)),
          );
          return await untilAborted(explained, signal);
        }
        const { explain: asked } = this.resolveExplainTimeoutOptions?.(verbosity, more) ?? {};
        return await callOnCursor(this, state, what, description, asked ?? true, session, signal);
      });
    },
  });
}

/** Returns the options of `explain(verbosity, options)` or of `explain(options)`. */
function explainOptions(verbosity: unknown, more: unknown): Document | null | undefined {
  if (more != null) return more;
  const only = typeof verbosity === 'object' && verbosity !== null && !('verbosity' in verbosity);
  return only ? verbosity : undefined;
}

/** Runs the driver's `explain` with a session: it takes it from the options that the cursor was made with. */
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
