import fc from 'fast-check';
import * as native from 'mongodb';

import { openClients, type Clients, type Side } from '../../support/clients';
import { runs } from '../../support/effort';
import { outcome } from '../../support/outcome';

/* Whatever is done in a session, one call behind the other, and what the server stores of it, are the same by the driver. */

interface Thing {
  _id: number;
  a?: number;
}

interface Scene {
  client: native.MongoClient;
  things: native.Collection<Thing>;
  session: native.ClientSession;
}

/** There is no secondary, which some transactions ask for: that is not waited for long. */
const OPTIONS = {
  serverSelectionTimeoutMS: 2_000,
  offload: { forgottenSession: 'off' },
} as const;

let clients: Clients;
beforeAll(() => (clients = openClients(OPTIONS)));
afterAll(async () => await clients.close());

const optionsOfTransactions: native.TransactionOptions[] = [
  {},
  { readConcern: { level: 'snapshot' } },
  { readConcern: { level: 'bogus' as 'local' } },
  { writeConcern: { w: 0 } },
  { writeConcern: { w: 'majority' } },
  { readPreference: 'secondary' },
  { maxCommitTimeMS: 5_000 },
];

/** What the function of a `withTransaction` does. */
const bodies: ((scene: Scene, number: number) => unknown)[] = [
  () => undefined,
  async ({ things, session }, number) => {
    await things.insertOne({ _id: number }, { session });
    return number;
  },
  async ({ things, session }, number) => {
    await things.insertOne({ _id: number }, { session });
    throw new Error('its own');
  },
  async ({ things, session }, number) => {
    await things.insertOne({ _id: number }, { session });
    await session.abortTransaction();
  },
  async ({ things, session }, number) => {
    await things.insertOne({ _id: number }, { session });
    await session.commitTransaction();
  },
  async ({ session }) => await session.withTransaction(async () => await Promise.resolve(1)),
  async ({ things, session }) => await things.insertOne({ _id: 100 }, { session }),
];

const steps: Record<string, (scene: Scene, number: number) => unknown> = {
  startTransaction: ({ session }) => session.startTransaction(),
  startTransactionWith: ({ session }, number) =>
    session.startTransaction({ ...optionsOfTransactions[number] }),
  commitTransaction: ({ session }) => session.commitTransaction(),
  abortTransaction: ({ session }) => session.abortTransaction(),
  withTransaction: (scene, number) =>
    scene.session.withTransaction(async () => await bodies[number](scene, number)),
  endSession: ({ session }) => session.endSession(),
  insertOne: ({ things, session }, number) => things.insertOne({ _id: number }, { session }),
  findOne: ({ things, session }, number) => things.findOne({ _id: number }, { session }),
  updateOne: ({ things, session }, number) =>
    things.updateOne({ _id: 100 }, { $inc: { a: number } }, { session }),
  toArray: ({ things, session }) => things.find({}, { session }).sort({ _id: 1 }).toArray(),
  countDocuments: ({ things, session }) => things.countDocuments({}, { session }),
  bulkWrite: ({ things, session }, number) =>
    things.bulkWrite(
      [{ insertOne: { document: { _id: 50 + number } } }, { deleteOne: { filter: { _id: 101 } } }],
      { session },
    ),
  async leaveCursor({ things, session }) {
    const cursor = things.find({}, { session, batchSize: 1 }).sort({ _id: 1 });
    const first = await cursor.next();
    await cursor.close();
    return first;
  },
  refusedByTheServer: ({ things, session }) =>
    things.updateOne({ _id: 100 }, { $set: { _id: 5 } }, { session }),
  refusedByTheDriver: ({ things, session }) =>
    things.insertOne({ _id: 77 }, { session, writeConcern: { w: 0 } }),
  outside: ({ things }, number) => things.insertOne({ _id: 1_000 + number }),
};

type Step = [name: string, number: number];

function stateOf({ session }: Scene): unknown {
  const { hasEnded, operationTime, clusterTime } = session;
  // The driver's types leave it out, but programs look at it.
  const { transaction } = session as unknown as { transaction: Record<string, unknown> };
  const { state, isActive, isCommitted, isStarting } = transaction;
  return {
    hasEnded,
    inTransaction: session.inTransaction(),
    transaction: { state, isActive, isCommitted, isStarting },
    times: [operationTime !== undefined, clusterTime !== undefined],
  };
}

async function play(
  { client, db }: Side<native.MongoClient>,
  options: native.ClientSessionOptions,
  names: readonly Step[],
): Promise<unknown> {
  const things = db.collection<Thing>('things');
  await things.deleteMany({});
  await things.insertMany([
    { _id: 100, a: 1 },
    { _id: 101, a: 2 },
  ]);
  const session = client.startSession(options);
  const scene = { client, things, session };
  const seen: unknown[] = [];
  for (const [name, number] of names) {
    seen.push([name, await outcome(() => steps[name](scene, number)), stateOf(scene)]);
  }
  await session.endSession();
  return withoutNumbers([seen, await things.find().sort({ _id: 1 }).toArray()]);
}

/** What a server says with numbers that are the session's own. */
function withoutNumbers(seen: unknown): unknown {
  return JSON.parse(
    JSON.stringify(seen).replace(
      /(number is|number|txnNumber:) \d+|Timestamp\(\d+, \d+\)/g,
      '$1 n',
    ),
  );
}

test('any sequence of operations and transactions comes to the same', async () => {
  const options = fc.constantFrom<native.ClientSessionOptions>(
    {},
    {},
    { causalConsistency: false },
    { snapshot: true },
    { defaultTransactionOptions: { writeConcern: { w: 'majority' } } },
  );
  const numbers = fc.integer({ min: 0, max: bodies.length - 1 });
  const transactions = Object.keys(steps).slice(0, 5);
  const names = fc.oneof(fc.constantFrom(...transactions), fc.constantFrom(...Object.keys(steps)));
  await fc.assert(
    fc.asyncProperty(
      options,
      fc.array(fc.tuple(names, numbers), { minLength: 1, maxLength: 8 }),
      async (how, list) => {
        const ours = await play(clients.ours, how, list);
        expect(ours).toStrictEqual(await play(clients.native, how, list));
      },
    ),
    runs(60),
  );
}, 600_000);

test.each(['commitTransaction', 'abortTransaction'] as const)(
  'a transaction whose only operation was refused before it was sent is over behind its %s',
  async (end) => {
    const { client, db } = clients.ours;
    const things = db.collection<Thing>('refused');
    await using session = client.startSession();
    session.startTransaction();
    await expect(things.insertOne({ _id: 0 }, { session, writeConcern: { w: 0 } })).rejects.toThrow(
      'Cannot have explicit session with unacknowledged writes',
    );
    await session[end]();
    await things.insertOne({ _id: 1 }, { session });
    expect(session.inTransaction()).toBe(false);
    const stored = clients.native.db.collection<Thing>('refused');
    expect(await stored.find().toArray()).toEqual([{ _id: 1 }]);
    await stored.deleteMany({});
  },
);

test('reads behind a transaction of which no server heard keep its read preference, as with the driver', async () => {
  for (const { client, db } of [clients.ours, clients.native]) {
    await using session = client.startSession();
    session.startTransaction({ readPreference: 'secondary' });
    await session.abortTransaction();
    const read = db.collection<Thing>('things').findOne({}, { session });
    await expect(read).rejects.toThrow('Server selection timed out after 2000 ms');
  }
});

test('a commit that is tried again in a session that has ended is refused, as by the driver', async () => {
  for (const { client, db } of [clients.ours, clients.native]) {
    const session = client.startSession();
    session.startTransaction();
    await db.collection<Thing>('things').updateOne({ _id: 100 }, { $inc: { a: 1 } }, { session });
    await session.commitTransaction();
    await session.endSession();
    const again = session.commitTransaction();
    await expect(again).rejects.toThrow(native.MongoExpiredSessionError);
  }
});
