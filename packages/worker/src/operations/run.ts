import { types } from 'node:util';

import type {
  AnyBulkWriteOperation,
  BatchType,
  BulkWriteResult,
  ClientBulkWriteModel,
  ClientSession,
  Document,
  IndexDescription,
  MongoBulkWriteError,
} from 'mongodb';

import { carrying } from '../abort';
import type { Target } from '../client';
import { reencodeRaw } from '../codec';
import { OPERATIONS, type OperationName, type OperationSpec } from '../protocol';
import type { CallArguments } from './arguments';
import { executeBulk } from './execute-bulk';
import { writeErrorsIn } from '../errors';
import { insertRawDocument, insertRawDocuments, onlyInserts, RawDocument } from './raw-inserts';
import { INSERT, replyBytes } from '../driver';

/** What an operation came to: a JavaScript value, or the bytes of one BSON document. */
export type Outcome =
  | { kind: 'value'; value: unknown }
  /** A document whose only field is the result or, if `whole`, a server's reply that is the result. */
  | { kind: 'raw'; bytes: Uint8Array; whole?: boolean }
  | { kind: 'document'; bytes: Uint8Array | null }
  | { kind: 'done' };

/** Operations of which the server is sent the options that the driver does not know. */
const HANDS_OPTIONS_ON = new Set<OperationName>([
  'db.createCollection',
  'admin.validateCollection',
]);

type Method = (...args: unknown[]) => Promise<unknown>;

/** How an operation is run. */
export interface Manner {
  signal?: AbortSignal;
}

/** Calls the driver's own method of the operation's name on the operation's target. */
export async function run(
  name: OperationName,
  target: Target,
  { positional, options }: CallArguments,
  { signal }: Manner,
): Promise<Outcome> {
  const spec: OperationSpec = OPERATIONS[name];
  const finalOptions: Document = { ...options };
  if (signal !== undefined && !HANDS_OPTIONS_ON.has(name)) finalOptions.signal = signal;
  // Results that are passed through cross as the server's bytes, so the worker decodes none of their documents.
  if (spec.result === 'document' || spec.result === 'raw') finalOptions.raw = true;

  switch (name) {
    case 'client.connect':
      await target.client.connect();
      return { kind: 'done' };
    case 'client.probe':
      await target.probe(finalOptions.limitMS as number);
      return { kind: 'done' };
    case 'client.bulkWrite':
      return await clientBulkWrite(target, positional, finalOptions);
    case 'collection.createIndexApart':
      return await called(
        target.collection?.createIndex(
          ...(positional.slice(0, 2) as [Document, Document]),
          finalOptions,
        ),
      );
    case 'collection.createIndexesOpen':
      return await called(
        target.collection?.createIndexes(positional[0] as IndexDescription[], finalOptions, true),
      );
    case 'session.commitTransaction':
      await carrying(signal, () => sessionOf(options).commitTransaction());
      return { kind: 'done' };
    case 'session.abortTransaction':
      await carrying(signal, () => sessionOf(options).abortTransaction());
      return { kind: 'done' };
    case 'collection.bulkStatements':
      return await bulkStatements(target, positional, finalOptions);
    case 'collection.insertOne':
    case 'collection.insertMany':
    case 'collection.bulkWrite':
      return await write(name, target, positional, finalOptions);
    default:
  }

  const dot = name.indexOf('.');
  const on = receiver(name.slice(0, dot), target);
  const method = on[name.slice(dot + 1)];
  const args = positional.slice(0, spec.arity);
  const result = await carrying(signal, () => method.call(on, ...args, finalOptions));
  switch (spec.result) {
    case 'done':
      return { kind: 'done' };
    case 'value':
      return {
        kind: 'value',
        value: name === 'admin.validateCollection' ? ofReply(result) : result,
      };
    case 'document':
      return result === null || types.isUint8Array(result)
        ? { kind: 'document', bytes: result }
        : // The plan of an explained operation, which the driver always decodes.
          passedThrough(result);
    case 'raw':
      return passedThrough(result);
    default:
      return spec.result satisfies never;
  }
}

/** Passes on a result as it arrived: a part of the server's reply, or the whole reply. */
export function passedThrough(result: unknown): Outcome {
  if (result === null || result === undefined) return { kind: 'value', value: result };
  const bytes = replyBytes(result);
  return bytes ? { kind: 'raw', ...bytes } : { kind: 'raw', bytes: reencodeRaw({ v: result }) };
}

/** The driver gives the server's reply itself, not decoded: its bytes are what can cross. */
function ofReply(result: unknown): unknown {
  const reply = result as { toBytes?(): Uint8Array };
  return typeof reply.toBytes === 'function' ? reply.toBytes() : result;
}

async function called(value: Promise<unknown> | undefined): Promise<Outcome> {
  return { kind: 'value', value: await value };
}

function receiver(kind: string, target: Target): Record<string, Method> {
  const on =
    kind === 'collection'
      ? target.collection
      : kind === 'db'
        ? target.db
        : kind === 'admin'
          ? target.db?.admin()
          : target.client;
  if (on === undefined) throw new TypeError(`the target of a ${kind} operation is missing`);
  return on as unknown as Record<string, Method>;
}

/**
 * Inserts and bulk writes. The main thread has put an `_id` into every document that is to have
 * one, keeps the list of them and the caller's own documents, and puts them back into the result
 * or the error: here they are left out.
 */
async function write(
  name: 'collection.insertOne' | 'collection.insertMany' | 'collection.bulkWrite',
  { collection }: Target,
  [first]: unknown[],
  options: Document,
): Promise<Outcome> {
  if (collection === undefined)
    throw new TypeError('the target of a collection operation is missing');
  const writeOptions = { ...options, forceServerObjectId: true };
  if (name === 'collection.insertOne') {
    const [document] = first as (Document | RawDocument)[];
    if (document instanceof RawDocument) await insertRawDocument(collection, document, options);
    else await collection.insertOne(document, writeOptions);
    return { kind: 'done' };
  }
  const list = first as (Document | RawDocument)[];
  const raw = rawDocuments(name, list);
  if (raw !== undefined) {
    return await bulk(() => insertRawDocuments(collection, raw, options), isAnInsert);
  }
  const operations = (
    name === 'collection.insertMany'
      ? list.map((document) => ({ insertOne: { document } }))
      : list.map(decoded)
  ) as AnyBulkWriteOperation[];
  return await bulk(
    () => collection.bulkWrite(operations, writeOptions),
    (index) => operations[index] !== undefined && 'insertOne' in operations[index],
  );
}

/**
 * Runs a bulk write. Inserted ids and documents stay behind: the main thread has them.
 *
 * @param inserts - whether the operation at this index inserts
 */
async function bulk(
  execute: () => Promise<BulkWriteResult>,
  inserts: (index: number) => boolean,
): Promise<Outcome> {
  try {
    return { kind: 'value', value: withoutInsertedIds(await execute()) };
  } catch (error) {
    if ((error as Error).name === 'MongoBulkWriteError') {
      stripInserted(error as MongoBulkWriteError, inserts);
    }
    throw error;
  }
}

/** Of a bulk write that does nothing else. */
function isAnInsert(): boolean {
  return true;
}

/** The documents that are inserted, where they came in bytes and nothing else is to be done. */
function rawDocuments(
  name: 'collection.insertMany' | 'collection.bulkWrite' | 'collection.bulkStatements',
  list: readonly (Document | RawDocument)[],
): RawDocument[] | undefined {
  if (!(list[0] instanceof RawDocument)) return undefined;
  const inBytes = list as RawDocument[];
  return name === 'collection.insertMany' ? inBytes : onlyInserts(name, inBytes);
}

function decoded(operation: Document | RawDocument): Document {
  return operation instanceof RawDocument ? operation.toBSON() : operation;
}

/** One statement of a bulk operation that was built on the main thread. */
interface BulkStatement {
  /** BatchType */
  t: BatchType;
  /** The document to insert, or the update or delete statement. */
  d: Document;
}

/** A bulk operation built by `initializeOrderedBulkOp` or `initializeUnorderedBulkOp`. */
async function bulkStatements(
  { collection }: Target,
  [first]: unknown[],
  options: Document,
): Promise<Outcome> {
  if (collection === undefined)
    throw new TypeError('the target of a collection operation is missing');
  const list = first as (Document | RawDocument)[];
  const raw = rawDocuments('collection.bulkStatements', list);
  if (raw !== undefined) {
    return await bulk(() => insertRawDocuments(collection, raw, options), isAnInsert);
  }
  const statements = list.map(decoded) as BulkStatement[];
  return await bulk(
    () =>
      executeBulk(collection, options, (operation) => {
        for (const { t, d } of statements) operation.addToOperationsList(t, d);
      }),
    // With `raw: true` the driver cannot read which operation it was.
    (index) => statements[index]?.t === INSERT,
  );
}

function sessionOf(options: Document | undefined): ClientSession {
  const session = options?.session as ClientSession | undefined;
  if (session === undefined) throw new TypeError('the session of this operation is missing');
  return session;
}

function withoutInsertedIds(result: BulkWriteResult): Document {
  const raw: Document = { ...result.getRawResponse() };
  delete raw.insertedIds;
  return raw;
}

function stripInserted(error: MongoBulkWriteError, inserts: (index: number) => boolean): void {
  const raw = error.result.getRawResponse() as { insertedIds?: unknown[] };
  raw.insertedIds = [];
  (error.result as { insertedIds: Document }).insertedIds = {};
  for (const { err } of writeErrorsIn(error)) {
    if (inserts(err.index)) delete (err as { op?: unknown }).op;
  }
}

/** The maps of a verbose result travel as lists of pairs. */
async function clientBulkWrite(
  { client }: Target,
  [models]: unknown[],
  options: Document,
): Promise<Outcome> {
  const value: Document = {
    ...(await client.bulkWrite(models as ClientBulkWriteModel[], options)),
  };
  for (const name of ['insertResults', 'updateResults', 'deleteResults']) {
    const results = value[name] as Map<number, unknown> | undefined;
    value[name] = results === undefined ? null : [...results];
  }
  return { kind: 'value', value };
}
