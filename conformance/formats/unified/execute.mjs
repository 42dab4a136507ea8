import { within } from '../deadline.mjs';
import { Skip } from '../outcome.mjs';
import { EntityMap } from './entities.mjs';
import { executeOperation } from './execute-operation.mjs';
import { expectEvents } from './expected-events.mjs';
import { match } from './match.mjs';
import { unmet } from './requirements.mjs';
import { killSessions, disableFailPoints } from './clean-up.mjs';

/**
 * @typedef {import('../context.mjs').Context & {
 *   entities: EntityMap,
 *   failPoints: Set<string>,
 *   current: string,
 *   run: (operation: any) => Promise<unknown>,
 * }} RunningTest
 */

/**
 * Runs one test of a file in the unified test format, and leaves nothing of it behind.
 *
 * @param {any} file
 * @param {any} definition one of the file's tests
 * @param {import('../context.mjs').Context} context
 */
export async function executeTest(file, definition, context) {
  if (definition.skipReason) throw new Skip(`the file says: ${definition.skipReason}`);
  const missing =
    unmet(file.runOnRequirements, context.server) ??
    unmet(definition.runOnRequirements, context.server);
  if (missing) throw new Skip(missing);

  /** @type {RunningTest} */
  const test = {
    ...context,
    entities: new EntityMap(context),
    failPoints: new Set(),
    current: 'set-up',
    run: (operation) => executeOperation(operation, test),
  };
  let failure;
  try {
    await within(runTest(file, definition, test), context.limit, () => test.current);
  } catch (error) {
    failure = error;
  }
  const problems = await leaveNothing(definition, test, failure);
  if (failure) throw failure;
  if (problems.length > 0) throw problems[0];
}

async function runTest(file, definition, test) {
  for (const data of file.initialData ?? []) await setUp(data, test.internal);
  await test.entities.create(file.createEntities);
  for (const operation of definition.operations) await test.run(operation);

  test.current = 'the assertions';
  const { entities } = test;
  for (const client of entities.clients()) client.stopObserving();
  await disableFailPoints(test);
  for (const expected of definition.expectEvents ?? []) {
    if (!test.monitoring && (expected.eventType ?? 'command') === 'command') continue;
    await expectEvents(expected, entities.get(expected.client, 'client'), entities);
  }
  if (definition.expectLogMessages) throw new Skip('log messages have no public listener');
  for (const data of definition.outcome ?? []) await expectOutcome(data, test);
}

async function setUp({ databaseName, collectionName, createOptions, documents = [] }, internal) {
  const writeConcern = { w: 'majority' };
  const database = internal.db(databaseName);
  await database.dropCollection(collectionName, { writeConcern });
  if (createOptions || documents.length === 0) {
    await database.createCollection(collectionName, { ...createOptions, writeConcern });
  }
  if (documents.length > 0) {
    await database.collection(collectionName).insertMany(documents, { writeConcern });
  }
}

async function expectOutcome({ databaseName, collectionName, documents }, { internal, entities }) {
  const found = await internal
    .db(databaseName)
    .collection(collectionName)
    .find({}, { sort: { _id: 1 }, readPreference: 'primary', readConcern: { level: 'local' } })
    .toArray();
  match(documents, found, { entities, operators: false, path: `outcome of ${collectionName}` });
}

async function leaveNothing(definition, test, failure) {
  await disableFailPoints(test);
  const usesTransactions = /"(?:start|with)Transaction"/.test(
    JSON.stringify(definition.operations),
  );
  // What a failed test left open could block the closing of its own clients.
  if (failure && !(failure instanceof Skip)) await killSessions(test);
  const problems = await test.entities.close();
  if (usesTransactions) await killSessions(test);
  return problems;
}
