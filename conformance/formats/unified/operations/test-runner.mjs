import { setTimeout as sleep } from 'node:timers/promises';
import { within } from '../../deadline.mjs';
import { check, Skip } from '../../outcome.mjs';
import { expectEvent } from '../expected-events.mjs';
import { isCommandEvent } from '../observed-client.mjs';
import { required } from './arguments.mjs';

const waitLimit = 10_000;

const transactionStates = {
  none: 'NO_TRANSACTION',
  starting: 'STARTING_TRANSACTION',
  in_progress: 'TRANSACTION_IN_PROGRESS',
  committed: 'TRANSACTION_COMMITTED',
  aborted: 'TRANSACTION_ABORTED',
};

/** Operations of the runner itself: `(arguments, test)`, where `session` is resolved already. */
export const testRunnerOperations = {
  async failPoint({ client, failPoint }, { entities, failPoints, server }) {
    if (!server.testCommands) throw new Skip('needs a server started with enableTestCommands=1');
    failPoints.add(failPoint.configureFailPoint);
    const { client: observed } = entities.get(client, 'client');
    await observed.db('admin').command(failPoint, { readPreference: 'primary' });
  },

  targetedFailPoint() {
    throw new Skip('only a sharded cluster has targets for fail points');
  },

  createEntities: ({ entities: descriptions }, { entities }) => entities.create(descriptions),

  assertSessionTransactionState({ session, state }) {
    const { transaction } = session;
    check(
      transaction.state === transactionStates[state],
      `the transaction is ${transaction.state}, expected ${state}`,
    );
  },
  assertSessionPinned({ session }) {
    check(session.isPinned, 'the session is not pinned');
  },
  assertSessionUnpinned({ session }) {
    check(!session.isPinned, 'the session is pinned');
  },
  assertSessionDirty({ session }) {
    check(session.serverSession.isDirty === true, 'the session is not dirty');
  },
  assertSessionNotDirty({ session }) {
    check(session.serverSession.isDirty === false, 'the session is dirty');
  },
  assertSameLsidOnLastTwoCommands({ client }, test) {
    const [first, second] = lastTwoLsids(client, test);
    check(first === second, `lsid ${first} is not ${second}`);
  },
  assertDifferentLsidOnLastTwoCommands({ client }, test) {
    const [first, second] = lastTwoLsids(client, test);
    check(first !== second, `both lsids are ${first}`);
  },

  async assertCollectionExists({ databaseName, collectionName }, { internal }) {
    check(await collectionExists(internal, databaseName, collectionName), `no ${collectionName}`);
  },
  async assertCollectionNotExists({ databaseName, collectionName }, { internal }) {
    const exists = await collectionExists(internal, databaseName, collectionName);
    check(!exists, `${collectionName} exists`);
  },
  async assertIndexExists({ databaseName, collectionName, indexName }, { internal }) {
    const names = await indexNames(internal, databaseName, collectionName);
    check(names.includes(indexName), `no index ${indexName} among ${names}`);
  },
  async assertIndexNotExists({ databaseName, collectionName, indexName }, { internal }) {
    const names = await indexNames(internal, databaseName, collectionName);
    check(!names.includes(indexName), `there is an index ${indexName}`);
  },

  async assertNumberConnectionsCheckedOut(args, { entities }) {
    const { client, connections } = required(args, 'client', 'connections');
    const observed = entities.get(client, 'client');
    check(
      observed.connectionsCheckedOut === connections,
      `${observed.connectionsCheckedOut} connections are checked out, expected ${connections}`,
    );
  },

  wait: ({ ms }) => sleep(ms),
  async waitForEvent({ client, event, count }, { entities, monitoring }) {
    if (!monitoring && isCommandEvent(Object.keys(event)[0]))
      throw new Skip('needs command monitoring');
    const observed = entities.get(client, 'client');
    const predicate = (entry) => isEvent(event, entry, entities);
    await within(
      observed.waitFor(predicate, count),
      waitLimit,
      () => `waiting for ${count} ${Object.keys(event)}`,
    );
  },
  assertEventCount({ client, event, count }, { entities, monitoring }) {
    if (!monitoring && isCommandEvent(Object.keys(event)[0]))
      throw new Skip('needs command monitoring');
    const seen = entities.get(client, 'client').count((entry) => isEvent(event, entry, entities));
    check(seen === count, `${seen} events ${Object.keys(event)}, expected ${count}`);
  },

  runOnThread({ thread: name, operation }, { entities, run }) {
    const thread = entities.get(name, 'thread');
    thread.last = thread.last.then(() => run(operation));
    // It is looked at by waitForThread.
    thread.last.catch(() => {});
  },
  waitForThread({ thread }, { entities }) {
    return within(entities.get(thread, 'thread').last, waitLimit, () => `the thread ${thread}`);
  },

  recordTopologyDescription({ client, id }, { entities }) {
    entities.save(id, entities.get(client, 'client').topologyDescription);
  },
  assertTopologyType({ topologyDescription, topologyType }, { entities }) {
    const { type } = entities.get(topologyDescription);
    check(type === topologyType, `the topology is ${type}, expected ${topologyType}`);
  },
  async waitForPrimaryChange(
    { client, priorTopologyDescription, timeoutMS = waitLimit },
    { entities },
  ) {
    const before = primaryOf(entities.get(priorTopologyDescription));
    const observed = entities.get(client, 'client');
    const changed = async () => {
      while ([undefined, before].includes(primaryOf(observed.topologyDescription))) await sleep(5);
    };
    await within(changed(), timeoutMS, () => 'waiting for another primary');
  },

  loop() {
    throw new Skip('loops are for the tests of Atlas');
  },
};

function lastTwoLsids(client, { entities, monitoring }) {
  if (!monitoring) throw new Skip('needs command monitoring');
  const commands = entities.get(client, 'client').commandsStarted().slice(-2);
  check(commands.length === 2, 'fewer than two commands were started');
  return commands.map(({ command, commandName }) => {
    check(command.lsid !== undefined, `${commandName} has no lsid`);
    return command.lsid.id.toString('hex');
  });
}

async function collectionExists(internal, databaseName, name) {
  const collections = await internal.db(databaseName).listCollections({ name }).toArray();
  return collections.length > 0;
}

async function indexNames(internal, databaseName, collectionName) {
  try {
    const indexes = await internal.db(databaseName).collection(collectionName).indexes();
    return indexes.map(({ name }) => name);
  } catch (error) {
    if (error.codeName === 'NamespaceNotFound') return [];
    throw error;
  }
}

function isEvent(expected, entry, entities) {
  try {
    expectEvent(expected, entry, entities, 'event');
    return true;
  } catch {
    return false;
  }
}

function primaryOf(description) {
  const servers = [...(description?.servers?.values() ?? [])];
  return servers.find(({ type }) => type === 'RSPrimary')?.address;
}
