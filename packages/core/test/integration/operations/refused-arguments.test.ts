/**
 * Calls every operation with every kind of value that BSON refuses, omits or writes in its own way, in each argument
 * and in options. The result is the driver's, and so are the contents of the database. MONGO_OFFLOAD_TEST_EFFORT=20
 * tries all combinations of operation, option and kind; otherwise each option meets one kind.
 */
import type { Document } from 'mongodb';

import { PLACES, type Called, type Place } from '../../support/argument-places';
import { openClients, type Clients, type Side } from '../../support/clients';
import { runs } from '../../support/effort';
import { OwnError, REFUSED } from '../../support/refused-values';
import type * as native from 'mongodb';

const all = runs(1).numRuns > 1;

/** Kinds that go into each positional argument. */
const POSITIONAL = all
  ? Object.keys(REFUSED)
  : [
      'a class of an older bson',
      'a cycle',
      'a key with a zero byte',
      'a throwing toBSON',
      'a symbol',
      'a function',
      'a bigint of more than 64 bits',
    ];

let clients: Clients;
beforeAll(async () => {
  clients = openClients({ serverSelectionTimeoutMS: 5_000, offload: { workers: 1 } });
  // A bulk operation is made by a client that is connected.
  await Promise.all([clients.ours.client.connect(), clients.native.client.connect()]);
});
afterAll(async () => await clients.close());

/** Number of operations at the same time, each in its own database for each client. */
const AT_ONCE = 6;

function kindsFor(place: string, number: number): string[] {
  const kinds = Object.keys(REFUSED);
  if (!place.includes('option') || all) return place.includes('option') ? kinds : POSITIONAL;
  // Options take turns, so that each kind meets some.
  return [kinds[(number * 5) % kinds.length]];
}

test('values that BSON cannot encode have the driver’s outcome in every argument and option', async () => {
  mainConnections.allow('a function that is inserted, and a bulk write without a list of models');
  const differences: unknown[] = [];
  const operations = Object.entries(PLACES).map(([name, places], number) => ({
    name,
    places,
    number,
  }));
  let pairs = 0;
  const worker = async (): Promise<void> => {
    for (let next = operations.shift(); next !== undefined; next = operations.shift()) {
      const { name, places, number } = next;
      const [ours, driver] = [clients.ours, clients.native].map(({ client }) =>
        calledIn(
          client,
          `${clients.dbName}_${number}${client === clients.ours.client ? 'o' : 'n'}`,
        ),
      );
      await Promise.all([
        begin(driver, ours.db.databaseName),
        begin(driver, driver.db.databaseName),
      ]);
      let at = number;
      for (const [place, call] of Object.entries(places)) {
        let done = false;
        for (const kind of kindsFor(place, at++)) {
          pairs++;
          const [mine, theirs] = await Promise.all([
            ending(call, ours, kind),
            ending(call, driver, kind),
          ]);
          if (JSON.stringify(mine) !== JSON.stringify(theirs)) {
            differences.push({ name, place, kind, ours: mine, driver: theirs });
          }
          done ||= mine.done === true || theirs.done === true;
        }
        const [mine, theirs] = await Promise.all([
          state(driver.client.db(ours.db.databaseName)),
          state(driver.db),
        ]);
        if (mine !== theirs) differences.push({ name, place, ours: mine, driver: theirs });
        if (done) {
          await Promise.all([
            begin(driver, ours.db.databaseName),
            begin(driver, driver.db.databaseName),
          ]);
        }
      }
      await Promise.all([
        driver.client.db(ours.db.databaseName).dropDatabase(),
        driver.db.dropDatabase(),
      ]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  expect(differences).toEqual([]);
  expect(pairs).toBeGreaterThan(800);
}, 600_000);

function calledIn(client: native.MongoClient, name: string): Called {
  const db = client.db(name);
  return { client, db, things: db.collection('things') };
}

async function begin({ client }: Called, name: string): Promise<void> {
  const db = client.db(name);
  const things = db.collection('things');
  const others = await db.listCollections({}, { nameOnly: true }).toArray();
  for (const other of others) {
    if (other.name !== 'things' && !other.name.startsWith('system.'))
      await db.dropCollection(other.name);
  }
  await things.drop();
  await things.insertMany([
    { _id: 1, a: 1 },
    { _id: 2, a: 2 },
  ] as Document[]);
}

interface Ending {
  done?: true;
  class?: string;
  code?: unknown;
  message?: string;
}

/** The outcome of a call: its success, or its error's class, code and message. */
async function ending(call: Place, on: Called, kind: string): Promise<Ending> {
  try {
    await call(on, REFUSED[kind]());
    return { done: true };
  } catch (error) {
    const { constructor, code, message } = error as Error & { code?: unknown };
    // The server names the position in the command, which differs for documents that are sent undecoded.
    const words = message.replace(/(field name ').*/s, '$1').replaceAll(on.db.databaseName, 'db');
    return { class: constructor.name, code, message: words };
  }
}

/** All contents of a database except for generated ids. */
async function state(db: native.Db): Promise<string> {
  const collections = await db.listCollections().toArray();
  const contents = await Promise.all(
    collections
      .filter(({ name }) => !name.startsWith('system.'))
      .map(async ({ name, type, ...info }) => {
        const { options } = info as { options?: Document };
        if (type === 'view') return { name, options };
        const documents = await db
          .collection(name)
          .find({}, { projection: { _id: 0 } })
          .toArray();
        return { name, options, documents, indexes: await db.collection(name).indexes() };
      }),
  );
  return JSON.stringify(contents.sort((a, b) => (a.name < b.name ? -1 : 1)));
}

test('an operation rejects with the very error that a value throws', async () => {
  const own = new OwnError('thrown by the value itself');
  const throwing = (): never => {
    throw own;
  };
  const { db } = clients.ours as Side<native.MongoClient>;
  const things = db.collection('own');
  for (const value of [
    { toBSON: throwing },
    Object.defineProperty({}, 'a', { get: throwing, enumerable: true }),
  ]) {
    await expect(things.findOne({ a: value })).rejects.toBe(own);
    await expect(things.insertOne({ a: value })).rejects.toBe(own);
    await expect(things.insertMany([{ a: value }])).rejects.toBe(own);
    await expect(things.find({ a: value }).toArray()).rejects.toBe(own);
    await expect(things.updateOne({}, { $set: { a: value } })).rejects.toBe(own);
    await expect(things.findOne({}, { collation: value } as object)).rejects.toBe(own);
    await expect(
      things.createIndex({ a: 1 }, { partialFilterExpression: { a: value } }),
    ).rejects.toBe(own);
  }
});
