import { MalformedTest, Mismatch, Skip } from '../outcome.mjs';
import { expectError } from './expected-error.mjs';
import { match, matchRoots } from './match.mjs';
import { bucketOperations } from './operations/bucket.mjs';
import { clientOperations } from './operations/client.mjs';
import { collectionOperations } from './operations/collection.mjs';
import { cursorOperations } from './operations/cursor.mjs';
import { databaseOperations } from './operations/database.mjs';
import { sessionOperations } from './operations/session.mjs';
import { testRunnerOperations } from './operations/test-runner.mjs';
import { convertOptions } from './options.mjs';

const operationsByType = {
  bucket: bucketOperations,
  changeStream: cursorOperations,
  client: clientOperations,
  collection: collectionOperations,
  cursor: cursorOperations,
  database: databaseOperations,
  session: sessionOperations,
};

const fromRunner = [MalformedTest, Mismatch, Skip];

/** Operations whose result is an iterable, each document of which may have more fields. */
const iterables = new Set([
  'aggregate',
  'find',
  'listCollections',
  'listDatabases',
  'listIndexes',
  'listSearchIndexes',
  'runCursorCommand',
]);

/**
 * Runs one operation of a test and asserts what it expects.
 *
 * @param {any} operation
 * @param {import('./execute.mjs').RunningTest} test
 * @returns {Promise<unknown>} the error, where one was expected or is ignored: a transaction's callback
 * hands it to the driver
 */
export async function executeOperation(operation, test) {
  test.current = `${operation.object}.${operation.name}`;
  validate(operation);
  const invoke = resolve(operation, test);
  if (operation.object === 'testRunner') {
    await invoke();
    return undefined;
  }

  let result;
  try {
    result = await invoke();
  } catch (error) {
    // These come from an operation inside this one, or from the runner; the driver made neither.
    if (fromRunner.some((type) => error instanceof type)) throw error;
    if (operation.ignoreResultAndError) return error;
    if (!operation.expectError) throw error;
    expectError(operation.expectError, error, test);
    return error;
  }
  if (operation.ignoreResultAndError) return undefined;
  if (operation.expectError) throw new Mismatch(`${test.current} succeeded, expected an error`);
  if (Object.hasOwn(operation, 'expectResult')) expectResult(operation, result, test.entities);
  if (operation.saveResultAsEntity) test.entities.save(operation.saveResultAsEntity, result);
  return undefined;
}

function expectResult({ name, expectResult: expected }, result, entities) {
  const path = `${name} result`;
  if (iterables.has(name) && Array.isArray(expected)) {
    matchRoots(expected, result, { entities, path });
  } else {
    match(expected, result, { entities, path, root: true });
  }
}

function resolve({ object, name, arguments: given = {} }, test) {
  const { entities, driver } = test;
  const args = convertOptions(given, driver);
  if (typeof args.session === 'string') args.session = entities.get(args.session, 'session');
  if (object === 'testRunner') {
    return bind(testRunnerOperations, name, (run) => run(args, test));
  }
  const { type, value } = entities.entry(object);
  return bind(operationsByType[type] ?? {}, name, (run) => run(value, args, test), type);
}

function bind(operations, name, call, type = 'testRunner') {
  if (!Object.hasOwn(operations, name))
    throw new MalformedTest(`A ${type} has no operation ${name}`);
  return async () => call(operations[name]);
}

function validate({ name, object, ignoreResultAndError, expectError: error, ...rest }) {
  if (typeof name !== 'string' || typeof object !== 'string') {
    throw new MalformedTest('An operation needs a name and an object');
  }
  const assertions = ['expectResult', 'saveResultAsEntity'].filter((key) =>
    Object.hasOwn(rest, key),
  );
  if (
    (error && assertions.length > 0) ||
    (ignoreResultAndError && (error || assertions.length > 0))
  ) {
    throw new MalformedTest(
      `${object}.${name} both ignores or expects an error and expects a result`,
    );
  }
}
