import { AbstractCursor, ChangeStream, Collection } from 'mongodb';
import { within } from '../deadline.mjs';
import { MalformedTest, Skip } from '../outcome.mjs';
import { withOptions } from './connection-uri.mjs';
import { isCommandEvent, ObservedClient } from './observed-client.mjs';
import { convertOptions } from './options.mjs';

/** How long closing one thing may take before it counts as hanging. */
const closeLimit = 5000;

/**
 * The objects of one test, by name. It owns them: `close` ends all that was made here or saved.
 */
export class EntityMap {
  /** @type {Map<string, { type: string, value: any }>} */
  #entities = new Map();
  #context;

  /** @param {import('../context.mjs').Context} context */
  constructor(context) {
    this.#context = context;
  }

  /** @param {string} name @param {string} [type] */
  get(name, type) {
    return this.entry(name, type).value;
  }

  /** @param {string} name @param {string} [type] */
  entry(name, type) {
    const entity = this.#entities.get(name);
    if (!entity) throw new MalformedTest(`There is no entity ${name}`);
    if (type && entity.type !== type) {
      throw new MalformedTest(`The entity ${name} is a ${entity.type}, not a ${type}`);
    }
    return entity;
  }

  /** @param {string} name @param {unknown} value a result or anything else that is no driver's object */
  save(name, value) {
    if (value === undefined) throw new MalformedTest(`Nothing to save as ${name}`);
    this.#add(name, typeOf(value), value);
  }

  /** @returns {ObservedClient[]} */
  clients() {
    return this.#ofType('client');
  }

  /** @returns {import('mongodb').ClientSession[]} */
  sessions() {
    return this.#ofType('session');
  }

  /** Makes the entities of a `createEntities` list, in its order. */
  async create(descriptions = []) {
    for (const entry of descriptions) {
      const [[type, description]] = Object.entries(entry);
      if (!Object.hasOwn(makers, type)) throw new MalformedTest(`Unknown type of entity ${type}`);
      const value = await makers[type](description, this, this.#context);
      this.#add(description.id, type, value);
      if (value instanceof ObservedClient) {
        for (const [id, list] of value.stored) this.#add(id, 'events', list);
        await value.client.connect();
      }
    }
  }

  /** Ends everything, in the order of dependency, and returns what did not end. */
  async close() {
    const problems = [];
    const end = async (what, promise) => {
      try {
        await within(promise, closeLimit, () => `closing ${what}`);
      } catch (error) {
        problems.push(error);
      }
    };
    const all = [...this.#entities].map(([name, entity]) => ({ name, ...entity }));
    const some = (types) => all.filter(({ type }) => types.includes(type));
    await Promise.all(
      some(['cursor', 'changeStream']).map(({ name, value }) =>
        // The format asks to suppress what closing a cursor throws; only a hang is a problem.
        end(
          name,
          Promise.resolve(value.close()).catch(() => {}),
        ),
      ),
    );
    await Promise.all(some(['session']).map(({ name, value }) => end(name, value.endSession())));
    await Promise.all(some(['client']).map(({ name, value }) => end(name, value.client.close())));
    return problems;
  }

  #add(name, type, value) {
    if (typeof name !== 'string') throw new MalformedTest(`An entity needs a name`);
    if (this.#entities.has(name)) throw new MalformedTest(`There is an entity ${name} already`);
    this.#entities.set(name, { type, value });
  }

  #ofType(type) {
    return [...this.#entities.values()]
      .filter((entity) => entity.type === type)
      .map(({ value }) => value);
  }
}

/** By the native driver's classes, which every driver's extend. */
function typeOf(value) {
  if (value instanceof ChangeStream) return 'changeStream';
  if (value instanceof Collection) return 'collection';
  return value instanceof AbstractCursor ? 'cursor' : 'value';
}

const makers = {
  client(given, _entities, { driver, uri, server, monitoring }) {
    const description = monitoring ? given : withoutCommandEvents(given);
    if (description.autoEncryptOpts) throw new Skip('needs client-side encryption');
    if (description.observeLogMessages) throw new Skip('log messages have no public listener');
    const { uriOptions = {}, serverApi } = description;
    // To connect, the driver selects a server by the client's own read preference.
    if (uriOptions.readPreference === 'secondary' && server.members === 1) {
      throw new Skip('needs a set with a secondary');
    }
    const options = {
      monitorCommands: observesCommands(description),
      // A fail point makes the client look for the server again. To wait for that would be most of the
      // time that these tests take, so the format allows to look more often.
      minHeartbeatFrequencyMS: 20,
      ...(uriOptions.heartbeatFrequencyMS === undefined && { heartbeatFrequencyMS: 500 }),
      // The driver's way to check out no connection before the first operation: events are counted.
      __skipPingOnConnect: true,
      ...(serverApi && { serverApi }),
    };
    const client = new driver.MongoClient(withOptions(uri, uriOptions), options);
    return new ObservedClient(client, description);
  },

  database({ client, databaseName, databaseOptions }, entities, { driver }) {
    return entities.get(client, 'client').client.db(databaseName, convert(databaseOptions, driver));
  },

  collection({ database, collectionName, collectionOptions }, entities, { driver }) {
    return entities
      .get(database, 'database')
      .collection(collectionName, convert(collectionOptions, driver));
  },

  session({ client, sessionOptions }, entities, { driver }) {
    const options = convert(sessionOptions, driver) ?? {};
    if (options.snapshotTime) options.snapshotTime = entities.get(options.snapshotTime);
    return entities.get(client, 'client').client.startSession(options);
  },

  bucket({ database, bucketOptions }, entities, { driver }) {
    return new driver.GridFSBucket(
      entities.get(database, 'database'),
      convert(bucketOptions, driver),
    );
  },

  thread: () => ({ last: Promise.resolve() }),

  clientEncryption() {
    throw new Skip('needs client-side encryption');
  },
};

function convert(options, driver) {
  if (!options) return undefined;
  const { defaultTransactionOptions: transaction, ...rest } = convertOptions(options, driver);
  return transaction
    ? { ...rest, defaultTransactionOptions: convertOptions(transaction, driver) }
    : rest;
}

const observesCommands = ({ observeEvents = [], storeEventsAsEntities = [] }) =>
  [...observeEvents, ...storeEventsAsEntities.flatMap(({ events }) => events)].some(isCommandEvent);

const withoutCommandEvents = (description) => ({
  ...description,
  observeEvents: description.observeEvents?.filter((name) => !isCommandEvent(name)),
});
