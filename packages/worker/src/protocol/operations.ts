/**
 * Every operation that crosses to a worker, as data.
 *
 * - `arity`: how many positional arguments stand before the options.
 * - `effect`: `read` operations may be run again on another worker when theirs dies; a `write` may
 *   have been applied, and keeps later operations on its namespace on the same worker until it ends.
 * - `result`: how the driver's result travels back.
 *   - `value`: a small JavaScript value that the driver computed; it is serialized as BSON if BSON keeps all of it.
 *   - `raw`: a document (or array) of the server's that the driver passes through; it is asked for
 *     with `raw: true`, so that no nested document is ever decoded in the worker, and crosses as the server's bytes.
 *   - `document`: one document or null, asked for with `raw: true` and sent on the tape.
 *   - `done`: nothing comes back but the fact.
 */
export interface OperationSpec {
  readonly arity: number;
  readonly effect: 'read' | 'write';
  readonly result: 'value' | 'raw' | 'document' | 'done';
}

const read = (arity: number, result: OperationSpec['result'] = 'value'): OperationSpec => ({
  arity,
  effect: 'read',
  result,
});
const write = (arity: number, result: OperationSpec['result'] = 'value'): OperationSpec => ({
  arity,
  effect: 'write',
  result,
});

/** The operations that a worker serves, by target and the driver's method name. */
export const OPERATIONS = {
  'client.connect': read(0, 'done'),
  'client.probe': read(0, 'done'),
  'client.bulkWrite': write(1),

  'db.command': write(1, 'raw'),
  'db.createCollection': write(1, 'done'),
  'db.dropCollection': write(1),
  'db.dropDatabase': write(0),
  'db.renameCollection': write(2, 'done'),
  'db.stats': read(0, 'raw'),
  'db.createIndex': write(2),
  'db.removeUser': write(1),
  'db.setProfilingLevel': write(1),
  'db.profilingLevel': read(0),

  'admin.command': write(1, 'raw'),
  'admin.removeUser': write(1),
  'admin.validateCollection': read(1),
  'admin.listDatabases': read(0, 'raw'),

  'collection.insertOne': write(1, 'done'),
  'collection.insertMany': write(1),
  'collection.bulkWrite': write(1),
  'collection.updateOne': write(2),
  'collection.updateMany': write(2),
  'collection.replaceOne': write(2),
  'collection.deleteOne': write(1),
  'collection.deleteMany': write(1),
  'collection.rename': write(1, 'done'),
  'collection.findOne': read(1, 'document'),
  'collection.findOneAndDelete': write(1, 'raw'),
  'collection.findOneAndReplace': write(2, 'raw'),
  'collection.findOneAndUpdate': write(2, 'raw'),
  'collection.distinct': read(2, 'raw'),
  'collection.count': read(1),
  'collection.countDocuments': read(1),
  'collection.estimatedDocumentCount': read(0),
  'collection.createIndex': write(1),
  /** `createIndex` with index options and command options apart. */
  'collection.createIndexApart': write(2),
  'collection.createIndexes': write(1),
  /** `createIndexes` that hands index options on which the driver does not know. */
  'collection.createIndexesOpen': write(1),
  'collection.dropIndex': write(1, 'raw'),
  'collection.dropIndexes': write(0),
  'collection.createSearchIndexes': write(1),
  'collection.dropSearchIndex': write(1, 'done'),
  'collection.updateSearchIndex': write(2, 'done'),

  'collection.bulkStatements': write(1),

  'session.commitTransaction': write(0, 'done'),
  'session.abortTransaction': write(0, 'done'),

  'cursor.open': read(2),
  'cursor.explain': read(3, 'raw'),
  'cursor.count': read(2),
} as const satisfies Record<string, OperationSpec>;

/** The name of an operation: `<target>.<method>`. */
export type OperationName = keyof typeof OPERATIONS;

const names = Object.keys(OPERATIONS) as OperationName[];

/** The number that stands for an operation on the wire. */
export const OPERATION_CODES = Object.fromEntries(
  names.map((name, code) => [name, code]),
) as Record<OperationName, number>;

/** The operation that a number on the wire stands for. */
export function operationOf(code: number): OperationName {
  const name = names[code];
  if (name === undefined) throw new RangeError(`no operation has the code ${code}`);
  return name;
}
