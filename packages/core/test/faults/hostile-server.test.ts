import { types } from 'node:util';

import { MongoClient, type Collection } from '@mongo-offload/core';
import { BSON, MongoError } from 'mongodb';

import { openClients, type Clients } from '../support/clients';
import { HostileServer } from '../support/hostile-server';
import { generator, MESSAGES, oddAnswer, oddHello, type Poison } from '../support/poison';

const SEED = Number(process.env.HOSTILE_SEED ?? 20_260_418);
/** Number of messages of each kind, and of odd answers. */
const OF_A_KIND = Number(process.env.HOSTILE_CASES ?? 8);

type Operation = (collection: Collection) => Promise<unknown>;
const OPERATIONS: readonly [name: string, run: Operation][] = [
  ['findOne', (collection) => collection.findOne({ a: 1 })],
  ['toArray', (collection) => collection.find({ a: 1 }).toArray()],
  ['insertOne', (collection) => collection.insertOne({ a: 1 })],
  ['insertMany', (collection) => collection.insertMany([{ a: 1 }, { a: 2 }])],
  ['updateOne', (collection) => collection.updateOne({ a: 1 }, { $set: { b: 1 } })],
  ['bulkWrite', (collection) => collection.bulkWrite([{ deleteOne: { filter: { a: 1 } } }])],
  ['findOneAndUpdate', (collection) => collection.findOneAndUpdate({}, { $set: { a: 1 } })],
  ['aggregate', (collection) => collection.aggregate([{ $match: {} }]).toArray()],
  ['distinct', (collection) => collection.distinct('a')],
  ['command', (collection) => collection.db.command({ ping: 1 })],
];

let clients: Clients;
/** Hostile servers, each for one client at a time. */
let servers: HostileServer[];
let bystander: Bystander;

beforeAll(async () => {
  clients = openClients({ offload: { workers: 1 } });
  servers = await Promise.all(Array.from({ length: 8 }, () => HostileServer.start()));
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()));
  await clients.close();
});

/** Another client of the same worker: it writes and reads for as long as it may. */
class Bystander {
  #done = false;
  readonly #written: number[] = [];
  readonly #work: Promise<void>;

  constructor() {
    this.#work = this.#run();
    this.#work.catch(() => undefined);
  }

  async #run(): Promise<void> {
    const collection = clients.ours.db.collection<{ _id: number; text: string }>('bystander');
    await collection.deleteMany({});
    for (let _id = 0; !this.#done; _id++) {
      const text = `text ${_id}`;
      await collection.insertOne({ _id, text });
      this.#written.push(_id);
      expect(await collection.findOne({ _id })).toStrictEqual({ _id, text });
    }
  }

  /** Ends it, and checks with the driver what it wrote. */
  async finish(): Promise<void> {
    this.#done = true;
    await this.#work;
    const found = await clients.native.db.collection('bystander').find().sort({ _id: 1 }).toArray();
    expect(found.map(({ _id }) => _id as unknown)).toStrictEqual(this.#written);
    expect(this.#written.length).toBeGreaterThan(3);
  }
}

const uncaught: unknown[] = [];
const note = (error: unknown): number => uncaught.push(error);

beforeEach(() => {
  bystander = new Bystander();
  process.on('unhandledRejection', note);
});
afterEach(async () => {
  for (const server of servers) {
    server.poison = undefined;
    server.poisonsHello = false;
  }
  await bystander.finish();
  process.off('unhandledRejection', note);
  expect(uncaught.splice(0)).toStrictEqual([]);
  const { workers } = await clients.ours.client.offload.stats();
  expect(workers.map(({ restarts }) => restarts)).toStrictEqual([0]);
});

function open(server: HostileServer, serverSelectionTimeoutMS: number): MongoClient {
  const options = {
    serverSelectionTimeoutMS,
    // After each network error the driver marks the server Unknown.
    heartbeatFrequencyMS: 500,
    minHeartbeatFrequencyMS: 5,
    connectTimeoutMS: 2_000,
    socketTimeoutMS: 2_000,
    retryReads: false,
    retryWrites: false,
    maxPoolSize: 3,
  };
  return new MongoClient(server.url, { ...options, offload: { workers: 1 } });
}

/**
 * Runs an operation. It must reject with an error of the driver's, or return a result if the answer can be read as one.
 */
async function meet(
  poison: Poison,
  server: HostileServer,
  client: MongoClient,
  [name, run]: (typeof OPERATIONS)[number],
): Promise<void> {
  server.poison = poison;
  const { poisoned } = server;
  let outcome: unknown = 'a result';
  // The operation may find its connection ended by the server before it is sent.
  for (let left = 10; left > 0 && (left === 10 || server.poisoned === poisoned); left--) {
    try {
      await run(client.db('a').collection('b'));
      outcome = 'a result';
    } catch (error) {
      outcome = error;
    }
    if (server.poisonsHello) break;
  }
  // A sound message with an odd answer may cause a TypeError in the driver, which belongs to the operation.
  const settles = outcome === 'a result' ? poison.mayPass : isOfTheDriver(outcome, poison.mayPass);
  if (settles === true) return;
  throw new Error(`${name} on ${poison.what} came to ${String(outcome)}`, { cause: outcome });
}

function isOfTheDriver(error: unknown, orAny = false): boolean {
  return (
    error instanceof MongoError ||
    error instanceof BSON.BSONError ||
    (orAny && types.isNativeError(error))
  );
}

/** Runs the operations in turn on one client, which must go on working. */
async function meetAll(
  poisons: readonly Poison[],
  random: (below: number) => number,
): Promise<void> {
  const client = open(servers[0], 5_000);
  for (const poison of poisons) {
    await meet(poison, servers[0], client, OPERATIONS[random(OPERATIONS.length)]);
  }
  await client.close();
}

describe(`a hostile server (seed ${SEED})`, () => {
  const random = generator(SEED);
  const messages = MESSAGES.flatMap((make) =>
    Array.from({ length: OF_A_KIND }, () => make(random)),
  );

  it('fails only the operations that it answers with broken messages', async () => {
    await meetAll(messages, random);
  });

  it('fails only the operations that it answers with odd documents', async () => {
    await meetAll(
      Array.from({ length: 25 * OF_A_KIND }, () => oddAnswer(random)),
      random,
    );
  });

  it('fails only its own clients if its answers to hello are broken or odd', async () => {
    const hellos = Array.from({ length: 15 * OF_A_KIND }, () => oddHello(random));
    const poisons = [...messages, ...hellos];
    await Promise.all(
      servers.map(async (server) => {
        server.poisonsHello = true;
        for (let poison = poisons.pop(); poison !== undefined; poison = poisons.pop()) {
          server.poison = poison;
          const client = open(server, 150);
          await meet(poison, server, client, OPERATIONS[random(OPERATIONS.length)]);
          await client.close();
        }
      }),
    );
  });
});
