import type { CursorKind } from '@mongo-offload/worker/protocol';
import type { AbstractCursor, ClientSession, Document, MongoDBNamespace } from 'mongodb';

import { crossingOptions } from '../../calls';
import { type TargetRef, offloadedState, type ClientState, type SessionLink } from '../../client';
import { clientOf, type CursorInternals } from '../../driver';
import { isOffloaded, sessionLinkOf } from '../../session';
import { givenSession } from './implicit-session';

/** What a cursor is opened with in the worker. */
export interface CursorDescription {
  kind: CursorKind;
  args: { filter?: Document; pipeline?: Document[]; command?: Document };
  options: Document;
  namespace: MongoDBNamespace;
  /** Whether its aggregation or command writes; see Call. */
  writes?: boolean;
  /** The namespace on which later calls must stay after the cursor's opening; see Call. */
  order?: string;
  /** Attempts to open it if its server is lost or none can be selected. Default 1. */
  tries?: number;
}

/** Describes a cursor of one class. */
export type Describe = (cursor: CursorInternals) => CursorDescription;

/** Returns the state of a cursor's client; undefined if the cursor is read on the main thread. */
export function offloadedCursorState(cursor: AbstractCursor): ClientState | undefined {
  const state = offloadedState(clientOf(cursor));
  if (state === undefined) return undefined;
  const session = givenSession(cursor);
  return session == null || isOffloaded(session) ? state : undefined;
}

export function sessionLink(
  cursor: AbstractCursor,
  session: ClientSession | null | undefined,
): SessionLink | undefined {
  return session == null ? undefined : sessionLinkOf(session, clientOf(cursor));
}

export function crossing({ options }: CursorDescription): Document {
  return crossingOptions(options, false) ?? {};
}

export function targetOf(
  { link }: ClientState,
  { namespace: { db, collection } }: CursorDescription,
): TargetRef {
  return link.target({ name: db }, collection === undefined ? undefined : { name: collection });
}
