import { setTimeout as delay } from 'node:timers/promises';

import {
  ForgottenSessionError,
  MongoClient,
  NO_SESSION,
  OffloadOptionError,
  type ClientSession,
  type Collection,
} from '@mongo-offload/core';
import * as native from 'mongodb';

import { openClients, uri, type Clients } from '../../support/clients';
import { Commands } from '../../support/commands';
import { until } from '../../support/until';
import { lineBelow, warningCodes, warnings, watchWarnings } from '../../support/warnings';

interface Thing extends native.Document {
  _id: number;
}

let clients: Clients;
let client: MongoClient;
let things: Collection<Thing>;
let outside: native.Collection<Thing>;

watchWarnings();
beforeAll(async () => {
  clients = openClients({ offload: { workers: 2 } });
  ({ client } = clients.ours);
  things = clients.ours.db.collection('things');
  outside = clients.native.db.collection('things');
  await outside.insertMany(Array.from({ length: 10 }, (_, _id) => ({ _id, n: 0 })));
});
afterAll(async () => await clients.close());

/** Begins a transaction by hand, does something, and aborts it. */
async function classic(work: (session: ClientSession) => Promise<unknown>): Promise<void> {
  await using session = client.startSession();
  session.startTransaction();
  try {
    await things.updateOne({ _id: 1 }, { $inc: { n: 1 } }, { session });
    await work(session);
  } finally {
    await session.abortTransaction();
  }
}

describe('an operation without a session is noticed', () => {
  test('in the function of withTransaction, with its line, and runs outside', async () => {
    let line = '';
    await client.withSession(async (session) => {
      await session.withTransaction(async () => {
        await things.updateOne({ _id: 2 }, { $set: { n: 5 } }, { session });
        line = lineBelow(1);
        expect(await things.findOne({ _id: 2 })).toMatchObject({ n: 0 });
        await session.abortTransaction();
      });
    });
    expect(warnings()).toHaveLength(1);
    expect(warnings()[0]).toMatch(
      /^MONGO_OFFLOAD_FORGOTTEN_SESSION collection\.findOne at \/\S+ was called without a session while a transaction was open/,
    );
    expect(warnings()[0]).toContain(line);
  });

  test('between startTransaction and its end, in what is called as well', async () => {
    let line = '';
    const repository = {
      async load(_id: number): Promise<unknown> {
        await delay(1);
        line = lineBelow(1);
        return await things.findOne({ _id });
      },
    };
    const session = client.startSession();
    session.startTransaction();
    await things.updateOne({ _id: 1 }, { $inc: { n: 1 } }, { session });
    await repository.load(1);
    expect(warnings()).toHaveLength(1);
    expect(warnings()[0]).toContain(line);
    await session.abortTransaction();
    await things.distinct('n');
    await session.endSession();
    await things.findOneAndUpdate({ _id: 3 }, { $set: { m: 1 } });
    expect(warnings()).toHaveLength(1);
  });

  test('as the first one, and where a helper starts the transaction', async () => {
    await (async () => {
      const session = client.startSession();
      session.startTransaction();
      await things.findOne({ _id: 4 });
      await session.endSession();
    })();
    expect(warningCodes()).toStrictEqual([
      'MONGO_OFFLOAD_FORGOTTEN_SESSION',
      'MONGO_OFFLOAD_LEFT_OPEN',
    ]);
    class UnitOfWork {
      readonly session = client.startSession();
      begin(): void {
        this.session.startTransaction();
      }
      async touch(_id: number): Promise<void> {
        await things.updateOne({ _id }, { $inc: { n: 1 } }, { session: this.session });
      }
    }
    await (async () => {
      const work = new UnitOfWork();
      work.begin();
      await work.touch(1);
      await things.findOne({ _id: 5 });
      await work.session.abortTransaction();
      await work.session.endSession();
    })();
    expect(warningCodes()).toHaveLength(3);
  });

  test('behind callbacks, when the session has been used there', async () => {
    await classic(async (session) => {
      await delay(1);
      await things.findOne({ _id: 1 }, { session });
      await new Promise<void>((resolve, reject) => {
        setTimeout(() => void things.findOne({ _id: 1 }).then(() => resolve(), reject), 1);
      });
    });
    expect(warningCodes()).toStrictEqual(['MONGO_OFFLOAD_FORGOTTEN_SESSION']);
  });

  test('behind callbacks, when nothing else could go on behind the start', async () => {
    await using session = client.startSession();
    await delay(1);
    session.startTransaction();
    await new Promise<void>((resolve, reject) => {
      setTimeout(() => void things.findOne({ _id: 1 }).then(() => resolve(), reject), 1);
    });
    await session.abortTransaction();
    expect(warningCodes()).toStrictEqual(['MONGO_OFFLOAD_FORGOTTEN_SESSION']);
  });

  test('once for each line', async () => {
    const forgetful = async (): Promise<unknown> => await things.findOne({ _id: 1 });
    for (let i = 0; i < 3; i++) {
      await classic(async () => {
        await forgetful();
        await forgetful();
      });
    }
    expect(warnings()).toHaveLength(1);
  });

  test('a cursor by the line that made it', async () => {
    let line = '';
    const make = (): ReturnType<typeof things.find> => {
      line = lineBelow(1);
      return things.find({ _id: 1 });
    };
    await classic(async () => {
      const cursor = make();
      await delay(1);
      await cursor.toArray();
    });
    expect(warnings()).toHaveLength(1);
    expect(warnings()[0]).toContain(line);
    expect(warnings()[0]).toMatch(/The FindCursor's query at \S+ was called without a session/);
  });

  test('a cursor that was made before by the line that reads it', async () => {
    const cursor = things.aggregate([{ $match: { _id: 1 } }]);
    let line = '';
    await classic(async () => {
      line = lineBelow(1);
      await cursor.toArray();
    });
    expect(warnings()).toHaveLength(1);
    expect(warnings()[0]).toContain(line);
  });

  test('of every kind', async () => {
    const { db } = clients.ours;
    await client.connect();
    const kinds: (() => Promise<unknown>)[] = [
      () => things.insertOne({ _id: 700 }),
      () => things.bulkWrite([{ deleteOne: { filter: { _id: 700 } } }]),
      () => things.initializeOrderedBulkOp().insert({ _id: 701 }).execute(),
      () => things.initializeUnorderedBulkOp().insert({ _id: 702 }).execute(),
      () => db.command({ ping: 1 }),
      () => db.admin().listDatabases(),
      () => db.listCollections().toArray(),
      () => things.find().count(),
      () => things.find().explain(),
      () => db.runCursorCommand({ find: 'things' }).toArray(),
      () => things.createIndex({ n: 1 }),
      () => client.bulkWrite([{ name: 'deleteOne', namespace: 'a.b', filter: {} }]),
      async () => {
        for await (const thing of things.find()) expect(thing).toBeDefined();
      },
      () => db.collection('gone').drop(),
    ];
    await client.withSession(async (session) => {
      await session.withTransaction(async () => {
        for (const kind of kinds) await kind().catch(() => undefined);
      });
    });
    expect(warningCodes()).toStrictEqual(kinds.map(() => 'MONGO_OFFLOAD_FORGOTTEN_SESSION'));
  });
});

describe('what is right is not noticed', () => {
  test('NO_SESSION is a value of its own', () => expect(NO_SESSION).toEqual(expect.anything()));

  test('operations with the session, with session: null, and of another client', async () => {
    const other = new MongoClient(uri());
    const theirs = other.db(clients.dbName).collection<Thing>('things');
    const work = async (session: ClientSession): Promise<void> => {
      await things.findOne({ _id: 1 }, { session });
      await things.find({}, { session, batchSize: 2 }).toArray();
      await things.find({}, { session: NO_SESSION }).toArray();
      await things.findOne({}, { session: NO_SESSION });
      await things.initializeOrderedBulkOp({ session: NO_SESSION }).insert({ _id: 710 }).execute();
      await theirs.findOne();
      await theirs.find().toArray();
    };
    await classic(work);
    await outside.deleteOne({ _id: 710 });
    await client.withSession(async (session) => await session.withTransaction(() => work(session)));
    await other.close();
    expect(warnings()).toStrictEqual([]);
  });

  test('a change stream, and a session without a transaction', async () => {
    const stream = things.watch();
    await classic(async () => await stream.tryNext());
    await stream.close();
    await client.withSession(async (session) => {
      await things.findOne({}, { session });
      await things.findOne();
    });
    expect(warnings()).toStrictEqual([]);
  });

  test('what goes on beside a transaction', async () => {
    const plain = async (): Promise<void> => {
      for (let i = 0; i < 5; i++) {
        await things.findOne({ _id: i });
        await delay(1);
        await things.find({ _id: i }).toArray();
      }
    };
    const transfer = async (): Promise<void> => {
      // The transaction begins in the turn in which the function is called.
      const session = client.startSession();
      session.startTransaction();
      await things.findOne({ _id: 1 }, { session });
      await delay(10);
      await things.findOne({ _id: 1 }, { session });
      await session.abortTransaction();
      await session.endSession();
    };
    await Promise.all([plain(), transfer(), plain(), transfer(), plain()]);
    const managed = client.withSession(async (session) => {
      await session.withTransaction(async () => {
        await things.findOne({ _id: 1 }, { session });
        await delay(10);
      });
    });
    await Promise.all([managed, plain()]);
    expect(warnings()).toStrictEqual([]);
  });

  test('the next turns of a timer in whose callback a transaction began', async () => {
    let turns = 0;
    const done: Promise<unknown>[] = [];
    const session = client.startSession();
    const timer = setInterval(() => {
      turns += 1;
      if (turns === 1) session.startTransaction();
      else done.push(things.findOne({ _id: turns }));
    }, 2);
    await until(() => turns > 5);
    clearInterval(timer);
    await Promise.all(done);
    await session.abortTransaction();
    await session.endSession();
    expect(warnings()).toStrictEqual([]);
  });

  test('what was begun before, and what goes on behind the end', async () => {
    let running = true;
    const background = (async () => {
      while (running) {
        await things.findOne({ _id: 1 });
        await delay(1);
      }
    })();
    let later: Promise<unknown> | undefined;
    await classic(async (session) => {
      await things.findOne({ _id: 1 }, { session });
      later = delay(30).then(async () => await things.findOne({ _id: 1 }));
    });
    await later;
    running = false;
    await background;
    expect(warnings()).toStrictEqual([]);
  });
});

describe("offload.forgottenSession: 'error'", () => {
  let strict: MongoClient;
  let mine: Collection<Thing>;
  let commands: Commands;
  beforeAll(() => {
    strict = new MongoClient(uri(), {
      monitorCommands: true,
      offload: { forgottenSession: 'error' },
    });
    mine = strict.db(clients.dbName).collection('things');
    commands = new Commands(strict);
  });
  afterAll(async () => await strict.close());

  test('rejects before anything is sent', async () => {
    await mine.findOne({}, { session: NO_SESSION });
    const ways: (() => Promise<unknown>)[] = [
      () => mine.insertOne({ _id: 720 }),
      () => mine.find().toArray(),
      () => mine.find().next(),
      () => mine.aggregate().toArray(),
      () => mine.find().explain(),
      () => mine.find().count(),
      () => mine.initializeOrderedBulkOp().insert({ _id: 721 }).execute(),
      () => strict.db().command({ ping: 1 }),
    ];
    commands.take();
    await strict.withSession(async (session) => {
      await session.withTransaction(async () => {
        const found: unknown[] = [];
        for (const way of ways) found.push(await way().catch((error: unknown) => error));
        for (const error of found) {
          expect(error).toBeInstanceOf(ForgottenSessionError);
          expect(error).toBeInstanceOf(native.MongoTransactionError);
          expect(error).toMatchObject({ code: 'MONGO_OFFLOAD_FORGOTTEN_SESSION' });
          expect(String(error)).toMatch(
            /forgotten-session\.test\.ts:\d+:\d+ was called .* so it was not sent/,
          );
        }
      });
    });
    await using session = strict.startSession();
    session.startTransaction();
    await expect(mine.insertOne({ _id: 722 })).rejects.toThrow(ForgottenSessionError);
    await session.abortTransaction();
    expect(commands.names()).toStrictEqual([]);
    await mine.findOne();
    expect(commands.names()).toStrictEqual(['find']);
  });

  test('aborts the transaction of withTransaction, which does not try again', async () => {
    let calls = 0;
    const failing = strict.withSession(
      async (session) =>
        await session.withTransaction(async () => {
          calls += 1;
          await mine.insertOne({ _id: 723 }, { session });
          await mine.insertOne({ _id: 724 });
        }),
    );
    await expect(failing).rejects.toThrow(ForgottenSessionError);
    expect([calls, await outside.countDocuments({ _id: { $gte: 723 } })]).toStrictEqual([1, 0]);
  });
});

test("offload.forgottenSession: 'off' says nothing", async () => {
  const silent = new MongoClient(uri(), { offload: { forgottenSession: 'off' } });
  const mine = silent.db(clients.dbName).collection<Thing>('things');
  await silent.withSession(async (session) => {
    await session.withTransaction(async () => await mine.findOne());
    session.startTransaction();
    await mine.findOne();
    await session.abortTransaction();
  });
  await silent.close();
  expect(warnings()).toStrictEqual([]);
});

test('the options are checked', () => {
  for (const offload of [{ forgottenSession: 'loud' }, { ambientTransactions: 'yes' }]) {
    expect(() => new MongoClient(uri(), { offload: offload as never })).toThrow(OffloadOptionError);
  }
});

describe('a transaction that is open when its session ends is aborted, and said', () => {
  const gone = async (): Promise<void> => {
    expect(await outside.countDocuments({ _id: 730 })).toBe(0);
    await outside.insertOne({ _id: 730 }, { maxTimeMS: 2_000 });
    await outside.deleteOne({ _id: 730 });
  };
  const insert = async (session: ClientSession, on = things): Promise<void> => {
    await on.insertOne({ _id: 730 }, { session });
  };

  const ways: Record<string, () => Promise<void>> = {
    endSession: async () => {
      const session = client.startSession();
      session.startTransaction();
      await insert(session);
      await session.endSession();
    },
    withSession: async () => {
      await client.withSession(async (session) => {
        session.startTransaction();
        await insert(session);
      });
    },
    'await using': async () => {
      await using session = client.startSession();
      session.startTransaction();
      await insert(session);
    },
    close: async () => {
      const other = new MongoClient(uri());
      const session = other.startSession();
      session.startTransaction();
      await insert(session, other.db(clients.dbName).collection('things'));
      await other.close();
    },
    'close, in a function of withTransaction': async () => {
      const other = new MongoClient(uri());
      const session = other.startSession();
      const cut = session.withTransaction(async () => {
        await insert(session, other.db(clients.dbName).collection('things'));
        await other.close();
        await insert(session, other.db(clients.dbName).collection('things'));
      });
      await expect(cut).rejects.toThrow(native.MongoError);
    },
  };

  test.each(Object.keys(ways))('%s', async (name) => {
    await ways[name]();
    expect(warningCodes()).toStrictEqual(['MONGO_OFFLOAD_LEFT_OPEN']);
    await gone();
  });

  test('with the line that started it, once', async () => {
    let line = '';
    for (let i = 0; i < 2; i++) {
      await client.withSession(async (session) => {
        line = lineBelow(1);
        session.startTransaction();
        await things.insertOne({ _id: 730 }, { session });
      });
      await gone();
    }
    expect(warnings()).toHaveLength(1);
    expect(warnings()[0]).toMatch(
      /^MONGO_OFFLOAD_LEFT_OPEN A transaction was open when its session/,
    );
    expect(warnings()[0]).toContain(line);
  });

  test('and nothing is said of one that was ended, or that had failed', async () => {
    await client.withSession(async (session) => {
      session.startTransaction();
      await things.insertOne({ _id: 731 }, { session });
      await session.commitTransaction();
    });
    const failing = client.withSession(async (session) => {
      session.startTransaction();
      await things.insertOne({ _id: 731 }, { session });
    });
    await expect(failing).rejects.toMatchObject({ code: 11000 });
    await classic(async () => undefined);
    expect(warnings()).toStrictEqual([]);
  });
});
