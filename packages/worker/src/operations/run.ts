import { types } from 'node:util';

import type { ClientBulkWriteModel, ClientSession, Document, IndexDescription } from 'mongodb';

import { carrying } from '../abort';
import type { Target } from '../client';
import { OPERATIONS, type OperationName, type OperationSpec } from '../protocol';
import type { CallArguments } from './arguments';
import { ofReply, passedThrough, type Outcome } from './outcome';
import { bulkStatements, write } from './writes';

/** Operations that send all options to the server, also those that the driver does not know. */
const HANDS_OPTIONS_ON = new Set<OperationName>([
  'db.createCollection',
  'admin.validateCollection',
]);

type Method = (...args: unknown[]) => Promise<unknown>;

/** How an operation is run. */
export interface Manner {
  signal?: AbortSignal;
}

/** Runs an operation: calls the driver's method of its name on its target. */
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

function sessionOf(options: Document | undefined): ClientSession {
  const session = options?.session as ClientSession | undefined;
  if (session === undefined) throw new TypeError('the session of this operation is missing');
  return session;
}

/** Runs a bulk write of the client. The maps of a verbose result travel as lists of pairs. */
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
