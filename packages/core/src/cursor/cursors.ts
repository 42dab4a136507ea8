import * as driver from 'mongodb';
import type { CollectionInfo, CountOptions, Document } from 'mongodb';

import { type LimitOptions, untilAborted } from '../abort';
import { withoutOurs } from '../calls';
import { inside, RunCommandCursorClass, type CursorInternals, ownAllMethods } from '../driver';
import { isOffloaded } from '../session';
import { withDriversSession } from '../options';
import { runOnMain, scopes } from '../transaction';
import { callOnCursor, withinCursorLimits } from './explain-and-count';
import { offloadedCursorState, type CursorDescription, givenSession } from './remote';
import { sessionForReading } from './cursor-session';
import { offloadCursorClass, offloadedCursor } from './offload-cursor';
import { readsOnly, writtenBy } from './output-stage';
import { installReading, type OffloadedCursorMethods } from './reading';

/* eslint-disable @typescript-eslint/no-unsafe-declaration-merging -- the interfaces name what installReading puts on the prototypes */
/* eslint-disable @typescript-eslint/no-empty-object-type -- as above */
/* eslint-disable @typescript-eslint/no-explicit-any -- the driver's own default for the schema of a cursor */

type Verbosity = driver.ExplainVerbosityLike | driver.ExplainCommandOptions;
type ExplainLimits = { timeoutMS?: number } & LimitOptions;

/** The driver's FindCursor, read in a worker thread. */
export class FindCursor<TSchema = any> extends driver.FindCursor<TSchema> {
  override clone(): FindCursor<TSchema> {
    return offloadedCursor(super.clone(), FindCursor<TSchema>);
  }

  override map<T>(transform: (doc: TSchema) => T): FindCursor<T> {
    return super.map(transform) as FindCursor<T>;
  }

  override project<T extends Document = Document>(value: Document): FindCursor<T> {
    return super.project(value) as FindCursor<T>;
  }

  override async count(options?: CountOptions): Promise<number> {
    // The driver's own method has the error for this argument.
    if (typeof options === 'boolean') return await super.count(options);
    const what = 'cursor.count';
    const { session: own, ...rest } = withDriversSession(options) ?? {};
    const counting = withoutOurs(rest, true);
    const inherited = scopes.used ? sessionForReading(this, what) : givenSession(this);
    const session = own ?? inherited ?? undefined;
    const state = offloadedCursorState(this);
    const description = describeFind(inside(this));
    const cursor = this as unknown as driver.AbstractCursor & CursorInternals;
    return await withinCursorLimits(cursor, what, description, options, async (signal) => {
      if (state === undefined || (session !== undefined && !isOffloaded(session))) {
        const counted = runOnMain(session, { what, on: this, signal }, () =>
          super.count({ ...counting, session }),
        );
        return await untilAborted(counted, signal);
      }
      const counted = {
        ...description,
        options: { ...description.options, countOptions: counting },
      };
      return (await callOnCursor(this, state, what, counted, undefined, session, signal)) as number;
    });
  }
}
export interface FindCursor<TSchema = any> extends OffloadedCursorMethods<TSchema> {
  explain(): Promise<Document>;
  explain(verbosity: Verbosity): Promise<Document>;
  explain(options: ExplainLimits): Promise<Document>;
  explain(verbosity: Verbosity, options: ExplainLimits): Promise<Document>;
}

/** The driver's AggregationCursor, read in a worker thread. */
export class AggregationCursor<TSchema = any> extends driver.AggregationCursor<TSchema> {
  override clone(): AggregationCursor<TSchema> {
    return offloadedCursor(super.clone(), AggregationCursor<TSchema>);
  }

  override map<T>(transform: (doc: TSchema) => T): AggregationCursor<T> {
    return super.map(transform) as AggregationCursor<T>;
  }
}
export interface AggregationCursor<TSchema = any> extends OffloadedCursorMethods<TSchema> {
  addStage(stage: Document): this;
  addStage<T = Document>(stage: Document): AggregationCursor<T>;
  group<T = TSchema>($group: Document): AggregationCursor<T>;
  project<T extends Document = Document>($project: Document): AggregationCursor<T>;
  explain(): Promise<Document>;
  explain(verbosity: Verbosity): Promise<Document>;
  explain(options: ExplainLimits): Promise<Document>;
  explain(verbosity: Verbosity, options: ExplainLimits): Promise<Document>;
}

/** The driver's ListCollectionsCursor, read in a worker thread. */
export class ListCollectionsCursor<
  T extends Pick<CollectionInfo, 'name' | 'type'> | CollectionInfo =
    Pick<CollectionInfo, 'name' | 'type'> | CollectionInfo,
> extends driver.ListCollectionsCursor<T> {
  override clone(): ListCollectionsCursor<T> {
    return offloadedCursor(super.clone(), ListCollectionsCursor<T>);
  }
}
export interface ListCollectionsCursor<
  T extends Pick<CollectionInfo, 'name' | 'type'> | CollectionInfo =
    Pick<CollectionInfo, 'name' | 'type'> | CollectionInfo,
> extends OffloadedCursorMethods<T> {}

/** The driver's ListIndexesCursor, read in a worker thread. */
export class ListIndexesCursor extends driver.ListIndexesCursor {
  override clone(): ListIndexesCursor {
    return offloadedCursor(super.clone(), ListIndexesCursor);
  }
}
export interface ListIndexesCursor extends OffloadedCursorMethods<any> {}

/** The driver's ListSearchIndexesCursor, read in a worker thread. */
export class ListSearchIndexesCursor extends AggregationCursor<{ name: string }> {}

/** The driver's RunCommandCursor, read in a worker thread. */
export class RunCommandCursor extends RunCommandCursorClass {}
export interface RunCommandCursor extends OffloadedCursorMethods<any> {}

function describeFind(cursor: CursorInternals): CursorDescription {
  const { findOptions = {}, cursorOptions } = cursor;
  const options: Document = { ...findOptions, ...cursorOptions };
  // Set by a cursor method, these belong to the find command only. As options they would go with getMore as well.
  const { comment, maxAwaitTimeMS } = findOptions;
  if (comment !== undefined && cursorOptions.comment === undefined) {
    options.findModifiers = { comment: comment as unknown };
    delete options.comment;
  }
  // The driver sends this one with getMore only, so its cursor method has no effect.
  if (maxAwaitTimeMS !== cursorOptions.maxAwaitTimeMS) {
    options.maxAwaitTimeMS = cursorOptions.maxAwaitTimeMS as unknown;
  }
  return {
    kind: 'find',
    args: { filter: cursor.cursorFilter },
    options,
    namespace: cursor.cursorNamespace,
  };
}

function describeAggregation(cursor: CursorInternals): CursorDescription {
  const { pipeline, cursorNamespace: namespace } = cursor;
  return {
    kind: 'aggregate',
    args: { pipeline },
    options: { ...cursor.aggregateOptions, ...cursor.cursorOptions },
    namespace,
    ...writtenBy(pipeline, namespace.db),
  };
}

/** Returns the namespace that a list cursor was made by. Replies may name another one. */
function parentNamespace(cursor: CursorInternals): CursorDescription['namespace'] {
  return (cursor as unknown as { parent: { s: { namespace: CursorDescription['namespace'] } } })
    .parent.s.namespace;
}

const classes: [
  ours: { prototype: driver.AbstractCursor },
  drivers: { prototype: driver.AbstractCursor },
  describe: (cursor: CursorInternals) => CursorDescription,
][] = [
  [FindCursor, driver.FindCursor, describeFind],
  [AggregationCursor, driver.AggregationCursor, describeAggregation],
  [
    ListCollectionsCursor,
    driver.ListCollectionsCursor,
    (cursor) => ({
      kind: 'listCollections',
      args: { filter: cursor.filter },
      options: { ...cursor.cursorOptions, ...cursor.options },
      namespace: parentNamespace(cursor),
    }),
  ],
  [
    ListIndexesCursor,
    driver.ListIndexesCursor,
    (cursor) => ({
      kind: 'listIndexes',
      args: {},
      options: { ...cursor.cursorOptions, ...cursor.options },
      namespace: parentNamespace(cursor),
    }),
  ],
  [
    RunCommandCursor,
    RunCommandCursorClass,
    (cursor) => ({
      kind: 'runCommand',
      args: { command: cursor.command },
      options: { ...cursor.cursorOptions, getMoreOptions: { ...cursor.getMoreOptions } },
      namespace: cursor.cursorNamespace,
      // A command that is not known to read only counts as a write.
      ...(readsOnly(cursor.command) ? {} : { writes: true }),
    }),
  ],
];

for (const [ours, drivers, describe] of classes) {
  ownAllMethods(ours, drivers);
  offloadCursorClass(ours.prototype, describe, { transactional: true });
  installReading(ours.prototype);
}
