/**
 * An operation that crosses to a worker, described as data.
 *
 * - `arity`: number of positional arguments before the options.
 * - `effect`: a `read` may run again on another worker if its worker dies. A `write` may have been applied, so until it
 *   ends, later operations on its namespace stay on the same worker.
 * - `result`: how the driver's result travels back.
 *   - `value`: a small JavaScript value that the driver computed. It crosses as BSON if BSON can hold all of it.
 *   - `raw`: a document or array of the server that the driver passes through. The worker requests it with `raw: true`
 *     and decodes no nested document, so it crosses as the server's bytes.
 *   - `document`: one document or null. The worker requests it with `raw: true` and sends it on the tape.
 *   - `done`: nothing except that the operation has finished.
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
  /** `createIndex` with index options and command options as separate arguments. */
  'collection.createIndexApart': write(2),
  'collection.createIndexes': write(1),
  /** `createIndexes` that passes on index options unknown to the driver. */
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

/** The number of each operation on the wire. */
export const OPERATION_CODES = Object.fromEntries(
  names.map((name, code) => [name, code]),
) as Record<OperationName, number>;

/** Returns the operation that a number on the wire stands for. */
export function operationOf(code: number): OperationName {
  const name = names[code];
  if (name === undefined) throw new RangeError(`No operation has the code ${code}`);
  return name;
}
